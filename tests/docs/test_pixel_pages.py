"""The pages on pixels: examples load, and every key, kind and reason is told."""

from __future__ import annotations

import re

import pytest
from docs_pages import ROOT, Block, blocks, without_blocks

from causeway.deidentify.pixels import kinds, regions
from causeway.deidentify.pixels.gate import _HELD, _RISKY_TYPES

REFERENCE = (ROOT / "docs/reference/pixel-rules.md").read_text(encoding="utf-8")
EXAMPLES = [block for block in blocks() if block.language == "toml" and "pixels" in block.marks]


def test_there_are_examples():
    assert len(EXAMPLES) >= 5


@pytest.mark.parametrize("block", EXAMPLES, ids=str)
def test_examples_load(block: Block):
    assert regions.parse_rules(block.body) != regions.Rules()


def test_every_key_is_told():
    keys = {
        "structured_content", "ocr", "rule", "name", "match", "blank", "keep", "pass", "hold",
        "found", "frames", "languages",
        *regions.Match.__dataclass_fields__, *(f'"{each}"' for each in regions.Ocr),
        f'"{regions.ULTRASOUND_REGIONS}"',
    }  # fmt: skip
    told = set(re.findall(r"`([^`]+)`", without_blocks(REFERENCE)))
    assert not keys - told


def test_every_reason_is_told():
    source = (ROOT / "src/causeway/deidentify/pixels/gate.py").read_text(encoding="utf-8")
    codes = set(re.findall(r'code="([a-z-]+)"', source)) | set(_HELD.values())
    told = set(re.findall(r"`([a-z-]+)`", REFERENCE))
    assert codes - {"rule", "ultrasound-regions"} <= told
    for word in _RISKY_TYPES:
        assert f"`{word}`" in REFERENCE
    assert set(_HELD) == set(kinds.Kind) - {kinds.Kind.SLICES, kinds.Kind.NO_PICTURE}
