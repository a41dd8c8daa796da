"""Words that name nobody: what the standard itself says, and what people write instead of a name.

A patient whose family name is Head, Field or Philips must not make every object of theirs look as
if it leaked. Such a word is no token by itself; the whole name, and its other components, still
are.

The words of the vocabulary that cleaned descriptions keep (stone, marrow, Dixon) are of another
kind: they are family names as well, and what describes the image of everybody describes that of a
Mr Stone. Such a word is a token where it names: as all that a value says, beside another part of
the name, and wherever it is if the name was typed into the original's descriptions, since then the
vocabulary may have left just that word of it. A name of which one word is a placeholder and all
others are known (``Test^Regression``) is nobody's.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from causeway.deidentify.profile.descriptors import folded, vocabulary
from causeway.dictionary import DICTIONARY, uids

# Manufacturers and their products, defined terms, anatomy, units and placeholders. Most of what
# stands in PS3.6 as a name of an attribute or a SOP class is taken from there.
_OTHERS: Final = """
    agfa canon esaote fuji fujifilm general electric hitachi hologic imaging konica minolta
    medical medrad mindray philips healthineers samsung shimadzu siemens systems toshiba united
    varian elekta accuray brainlab carestream kodak sectra vision ingenia achieva prisma skyra
    trio verio signa discovery lightspeed revolution optima aquilion brilliance sensation somatom
    definition avanto magnetom biograph force edge flash aera vida sola terra
    abdomen ankle aorta arm bladder bone brain breast cardiac carotid cervical chest clavicle
    coccyx colon cspine elbow extremity eye femur finger foot forearm gallbladder hand head heart
    hip humerus jaw kidney knee leg liver lspine lumbar lung mandible maxilla neck orbit pancreas
    pelvis prostate rib scapula shoulder skull spine spleen sternum stomach thigh thorax thumb toe
    tspine uterus wholebody wrist body cranium whole
    axial coronal sagittal oblique localizer scout topogram original derived primary secondary
    left right both unpaired male female other feet first supine prone decubitus
    contrast native plain with without arterial venous portal delayed phase late early routine
    standard protocol adult pediatric infant thin thick soft smooth detail
    flair diff diffusion perfusion mprage space tirm trufi haste vibe bold asl gre
    removal name names subject person service user admin administrator operator technologist
    radiologist doctor physician nurse hospital clinic department radiology institution center
    centre university study series image images compressed samples mr ct us cr dx xa nm pt ot sc
    true false yes no not applicable available other normal abnormal reject rejected
    dicom digital version software
"""

_PLACEHOLDERS: Final = frozenset(
    re.findall(
        r"\w+",
        """anonym anonymous anonymized anonymised anonymize deidentified unknown none null empty
        removed redacted patient test tests testing phantom dummy example sample demo default""",
    )
)
"""What people write where a name should be."""


@lru_cache(maxsize=1)
def common_words() -> frozenset[str]:
    """In lower case."""
    standard = " ".join(entry[2] for entry in DICTIONARY.values())
    classes = " ".join(entry[0] for entry in uids().values())
    return (
        frozenset(re.findall(r"[a-z]{2,}", f"{standard} {classes} {_OTHERS}".lower()))
        | _PLACEHOLDERS
    )


def is_common(text: str) -> bool:
    """Whether every word of it names nobody; digits, signs and single letters count for nothing."""
    words = re.findall(r"[^\W\d_]+", text.lower())
    known = common_words()
    return bool(words) and all(word in known or (len(word) == 1 and word < "{") for word in words)


def describes(word: str) -> bool:
    """Whether it is a word of the vocabulary that cleaned descriptions keep."""
    return folded(word) in vocabulary()


def is_nobody(name: str) -> bool:
    """Whether a name is no person's: a placeholder is in it, and no word that is not known."""
    words = re.findall(r"[^\W\d_]+", name.lower())
    return any(word in _PLACEHOLDERS for word in words) and all(
        word in common_words() or describes(word) or len(word) == 1 for word in words
    )
