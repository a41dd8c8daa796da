"""What makes two plans the same: everything that changes a byte of a result, and nothing else.

Where a rule comes from does not count, nor do comments, order and the name of a file. What is
counted beside the rules: the name (it is written into each object), the edition of the table,
codes and markers, the vocabulary, and ``ENGINE``.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, Final

from causeway.deidentify.plan import Plan, Rule

ENGINE: Final = 1
"""Raise it with a change of the editor that makes other bytes by the same rules."""


def digest_of(plan: Plan) -> str:
    """SHA-256 in hex."""
    told = {
        "engine": ENGINE,
        "name": plan.name,
        "edition": plan.edition,
        "codes": [[code.value, code.meaning] for code in plan.codes],
        "temporal": plan.temporal.value,
        "removes_identity": plan.removes_identity,
        "by_tag": {f"{tag:08X}": _told(rule) for tag, rule in plan.by_tag.items()},
        # In order: the first that fits counts.
        "by_mask": [[mask, value, _told(rule)] for mask, value, rule in plan.by_mask],
        "by_vr": {vr: _told(rule) for vr, rule in plan.by_vr.items()},
        "by_path": {
            ".".join(f"{tag:08X}" for tag in path): _told(rule)
            for path, rule in plan.by_path.items()
        },
        "private": {
            f"{group:04X} {element:02X} {creator}": _told(rule)
            for (group, creator, element), rule in plan.private.items()
        },
        "other_private": _told(plan.other_private),
        "unknown": _told(plan.unknown),
        "other": _told(plan.other),
        "keeps_safe_private": plan.keeps_safe_private,
    }
    text = json.dumps(told, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _told(rule: Rule) -> list[Any]:
    edit = "" if rule.edit is None else rule.edit.identity()  # type: ignore[attr-defined]
    return [rule.action.value, rule.value, rule.inserts, sorted(rule.vrs), edit]
