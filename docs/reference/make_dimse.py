"""Writes the generated parts of dimse.md from the code: python docs/reference/make_dimse.py

A part stands between ``<!-- name -->`` and ``<!-- end of name -->``. A test compares page and code.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
import sys
from pathlib import Path

from causeway.dimse import events, limits
from causeway.dimse.states import ACTIONS_WITH_CHOICE, TRANSITIONS, Action, Occurrence, State

PAGE = Path(__file__).with_name("dimse.md")


def label(name: str) -> str:
    """As the standard writes it: Sta6, Evt10, AE-2."""
    return name.replace("_", "-") if "_" in name else name.capitalize()


def diagram() -> str:
    """Table 9-10 without what every state has: abort, loss of transport, unexpected PDUs."""
    edges: dict[tuple[str, str], list[str]] = {}
    for (event, state), action in TRANSITIONS.items():
        if action.name.startswith("AA"):
            continue
        for following in ACTIONS_WITH_CHOICE.get(action, (action.value.next_state,)):
            if following is state and action.name.startswith(("DT", "AR_6", "AR_7")):
                continue
            edge = (label(state.name), label(following.name))
            edges.setdefault(edge, []).append(f"{label(event.name)} {label(action.name)}")
    lines = ["```mermaid", "stateDiagram-v2", "    [*] --> Sta1"]
    lines += [f"    {state.name.capitalize()}: {state.name.capitalize()}" for state in State]
    lines += [f"    {one} --> {other}: {', '.join(how)}" for (one, other), how in edges.items()]
    return "\n".join([*lines, "```"])


def names(cls: type[State | Occurrence], heading: str) -> str:
    rows = [f"| {heading} | meaning |", "|---|---|"]
    rows += [f"| {label(member.name)} | {member.value} |" for member in cls]
    return "\n".join(rows)


def actions() -> str:
    rows = ["| action | what is done | next state |", "|---|---|---|"]
    for action in Action:
        following = ACTIONS_WITH_CHOICE.get(action, (action.value.next_state,))
        states = " or ".join(label(state.name) for state in following)
        rows.append(f"| {label(action.name)} | {action.value.text} | {states} |")
    return "\n".join(rows)


def table() -> str:
    rows = ["| | " + " | ".join(label(state.name) for state in State) + " |"]
    rows.append("|---" * (len(State) + 1) + "|")
    for event in Occurrence:
        cells = [TRANSITIONS.get((event, state)) for state in State]
        shown = [label(cell.name) if cell else "" for cell in cells]
        rows.append(f"| {label(event.name)} | " + " | ".join(shown) + " |")
    return "\n".join(rows)


def field_texts(module: object, cls: type) -> dict[str, str]:
    """The texts that stand under the fields of a dataclass."""
    tree = ast.parse(inspect.getsource(module))  # type: ignore[arg-type]
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and node.name == cls.__name__:
            for one, following in zip(node.body, node.body[1:], strict=False):
                if (
                    isinstance(one, ast.AnnAssign)
                    and isinstance(one.target, ast.Name)
                    and isinstance(following, ast.Expr)
                    and isinstance(following.value, ast.Constant)
                ):
                    found[one.target.id] = plain(str(following.value.value))
    return found


def plain(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip().replace("``", "`")


def limits_table() -> str:
    texts = field_texts(limits, limits.Limits)
    rows = ["| limit | default | what it bounds |", "|---|---:|---|"]
    for field in dataclasses.fields(limits.Limits):
        default = "none" if field.default is None else f"{field.default:,}"
        rows.append(f"| `{field.name}` | {default} | {texts[field.name]} |")
    return "\n".join(rows)


def events_table() -> str:
    rows = ["| event | what it says |", "|---|---|"]
    for cls in events.Event.__args__:
        fields = ", ".join(field.name for field in dataclasses.fields(cls))
        text = plain(inspect.getdoc(cls) or "")
        rows.append(f"| `{cls.__name__}({fields})` | {text} |")
    return "\n".join(rows)


PARTS = {
    "events": events_table,
    "limits": limits_table,
    "diagram": diagram,
    "states": lambda: names(State, "state"),
    "occurrences": lambda: names(Occurrence, "event"),
    "actions": actions,
    "table": table,
}


def made(page: str) -> str:
    """The page with its generated parts as the code has them."""
    for name, make in PARTS.items():
        begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
        before, found, rest = page.partition(begin)
        _, closed, after = rest.partition(end)
        if not (found and closed):
            raise ValueError(f"dimse.md has no part {name}")
        page = f"{before}{begin}\n\n{make()}\n\n{end}{after}"
    return page


def main() -> int:
    PAGE.write_text(made(PAGE.read_text()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
