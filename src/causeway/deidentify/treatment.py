"""What is done to the objects of one project, from the gate to the proof, as one thing.

A *treatment* is a profile, the rules for pixels, and the key of a project. ``clean`` takes an
object through all of it: judged and redacted (``pixels``), edited (``edit``), searched (``proof``).
What comes of it is ``Clean``, which may leave, ``Held``, which waits for a person, or a ``Doubt``.

Its digest is over everything that changes a byte of a result, so equal digests give equal bytes: in
the service, on plain files, today and after a restart. The secret of the key is not in it, only the
fingerprint that is part of the key's id.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Final

from causeway.attributes import Attributes
from causeway.deidentify.edit.clean import Cleaned, Source, clean
from causeway.deidentify.errors import Doubt
from causeway.deidentify.identity import (
    Aliases,
    Identities,
    PatientKey,
    ProjectKey,
    ShiftRules,
    identities,
    project_subkey,
)
from causeway.deidentify.identity.ages import is_over
from causeway.deidentify.pixels import (
    JUDGED,
    Held,
    Ocr,
    Prepared,
    Release,
    Rules,
    load_rules,
    parse_rules,
    prepared,
)
from causeway.deidentify.pixels.ocr import Reader
from causeway.deidentify.plan import Plan
from causeway.deidentify.profile import WrittenProfile, compile_profile, read_profile
from causeway.deidentify.proof import Proof, prove
from causeway.deidentify.standard import Option, attribute_type

_STUDY_DATE: Final = 0x00080020
_DATES: Final = (_STUDY_DATE, 0x00080021, 0x00080022, 0x00080023)
"""Of study, series, acquisition and content: the first that is there tells when it was."""
_PATIENT_ID: Final = 0x00100020
_ISSUER: Final = 0x00100021
_BIRTH_DATE: Final = 0x00100030
_AGE: Final = 0x00101010

SUBJECT: Final = frozenset({_PATIENT_ID, _ISSUER, _BIRTH_DATE, _AGE, *_DATES})
NEEDED: Final = SUBJECT | JUDGED
"""Attributes that a treatment looks at; of a header that is read for it, the rest may be left out.
"""

LEFT: Final = "identifier_left"
"""The code of a doubt that a person can settle by looking: what the proof found may be a word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clean:
    """An object that may leave."""

    cleaned: Cleaned
    prepared: Prepared
    proof: Proof | None
    """None where a person has said of what was found that it names nobody, and where it was not
    asked for."""
    subject: Identities

    def uid(self, uid: str) -> str:
        """What a UID of the original is in the result."""
        return self.cleaned.uids.get(uid, uid)


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What a recipe was made of: kept with what was done by it, to do the same again when the files
    say something else by then.
    """

    profile: WrittenProfile
    pixels: str = field(default="", repr=False)
    ocr: str = ""

    def to_json(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Written:
        """Raises ``ValueError`` for what ``to_json`` has not made."""
        try:
            told = json.loads(text)
            profile = WrittenProfile(**told["profile"])
            return cls(profile=profile, pixels=str(told["pixels"]), ocr=str(told["ocr"]))
        except (KeyError, TypeError, json.JSONDecodeError) as error:
            raise ValueError("no recipe") from error

    def recipe(self) -> Recipe:
        """Raises ``ConfigurationError`` and ``InvalidConfiguration``."""
        profile = self.profile.parsed()
        rules = parse_rules(self.pixels) if self.pixels else Rules()
        cleans_content = Option.CLEAN_STRUCTURED_CONTENT in profile.options
        rules = replace(
            rules,
            structured_content=rules.structured_content or cleans_content,
            ocr=Ocr(self.ocr) if self.ocr else rules.ocr,
            digest="",
        )
        return Recipe(plan=compile_profile(profile), pixels=rules, written=self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """A profile and rules for pixels: what is done, whoever's object it is."""

    plan: Plan
    pixels: Rules
    written: Written = field(compare=False)


def recipe_of(profile: str | Path, pixels: Path | None = None, ocr: Ocr | str = "") -> Recipe:
    """A recipe from a profile, by its shipped name or in a file, and a file of rules for pixels.

    ``ocr`` goes before what the rules say. Raises ``ConfigurationError`` and
    ``InvalidConfiguration``.
    """
    rules = ""
    if pixels is not None:
        load_rules(pixels)  # says which file it is, where something is wrong
        rules = pixels.read_text(encoding="utf-8")
    return Written(profile=read_profile(profile), pixels=rules, ocr=str(ocr)).recipe()


@dataclass(frozen=True, slots=True, kw_only=True)
class Treatment:
    """A recipe with the identities of one project."""

    recipe: Recipe
    key: ProjectKey
    shift: ShiftRules = field(default_factory=ShiftRules)
    aliases: Aliases | None = field(default=None, compare=False)
    """Each patient's is an input beside the object; so the list may grow under one digest."""
    reader: Reader | None = field(default=None, compare=False)
    """Stands in for Tesseract."""
    digest: str = field(init=False, default="")

    def __post_init__(self) -> None:
        object.__setattr__(self, "digest", _digest(self))

    @property
    def plan(self) -> Plan:
        return self.recipe.plan

    def subject(self, attributes: Attributes, *, alias: str | None = None) -> Identities:
        """Whose object it is. Raises ``Doubt`` if it does not say.

        ``alias`` is what the list said at another time, empty if nothing; without it, the list is
        asked.
        """
        at = next((found for tag in _DATES if (found := attributes.first(tag).strip())), "")
        patient = PatientKey(
            patient_id=attributes.text(_PATIENT_ID) or "",
            issuer=attributes.text(_ISSUER) or "",
        )
        aliases = self.aliases
        if alias is not None:
            known = (patient.issuer.strip(), patient.patient_id.strip())
            aliases = Aliases(subjects={known: alias}) if alias else None
        return identities(
            self.key,
            patient,
            aliases=aliases,
            shift=self.shift,
            is_over_89=is_over(attributes.first(_AGE), attributes.first(_BIRTH_DATE), at),
        )

    def clean(
        self,
        source: Source,
        attributes: Attributes,
        *,
        released: Release | None = None,
        excused: bool = False,
        alias: str | None = None,
        proving: bool = True,
        with_changes: bool = False,
    ) -> Clean | Held:
        """The object without what names its patient, proven; or why it waits.

        ``attributes`` are those of the same object. ``released``: a person has looked at its
        pixels. ``excused``: a person has looked at what the proof finds, and says that it names
        nobody. Without ``proving`` the result must be held against the digest of one that was.

        Raises ``Doubt`` for any that cannot be judged, and nothing else but what ``source.fetch``
        does.
        """
        subject = self.subject(attributes, alias=alias)
        ready = prepared(source, attributes, self.recipe.pixels, released, reader=self.reader)
        if isinstance(ready, Held):
            return ready
        cleaned = clean(
            ready.source,
            plan=self.plan,
            subject=subject,
            types=attribute_type,
            pixels_cleaned=ready.pixels_cleaned,
            with_changes=with_changes,
        )
        proof = None
        if proving:
            proof = self._proof(ready.source, cleaned, subject, excused=excused)
        return Clean(cleaned=cleaned, prepared=ready, proof=proof, subject=subject)

    def _proof(
        self, source: Source, cleaned: Cleaned, subject: Identities, *, excused: bool
    ) -> Proof | None:
        try:
            return prove(source, cleaned, self.plan, pseudonyms=[subject.patient_id()])
        except Doubt as doubt:
            if excused and doubt.code == LEFT:
                return None
            raise


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectKeys:
    """Which key a project has: its own, that of its group, or one made from the usual one.

    What is made from the usual key is another for each project, so that the data of two projects
    cannot be linked unless a site gives both the same key.
    """

    usual: ProjectKey | None = None
    own: Mapping[str, ProjectKey] = field(default_factory=dict)
    """By ``group/project`` or ``group``, case folded."""
    retired: tuple[ProjectKey, ...] = ()
    """Of what was cleaned with them and is still on its way."""

    def of(self, group: str, project: str) -> ProjectKey | None:
        """The key of a project; None if there is none for it."""
        place = place_of(group, project)
        for name in (place, group.casefold()):
            if (found := self.own.get(name)) is not None:
                return found
        return None if self.usual is None else project_subkey(self.usual, place)

    def known(self, key_id: str, place: str) -> ProjectKey | None:
        """The key of this id, whatever it is called today; None if the site has it no more."""
        wanted = fingerprint_of(key_id)
        usual = () if self.usual is None else (self.usual,)
        for key in (*usual, *self.own.values(), *self.retired):
            for each in (key, project_subkey(key, place)):
                if fingerprint_of(each.id) == wanted:
                    return each
        return None


def place_of(group: str, project: str) -> str:
    """A project as keys are made for it: in any case of letters the same."""
    return f"{group}/{project}".casefold()


def fingerprint_of(key_id: str) -> str:
    """The part of a key's id that follows from its secret."""
    return key_id.rpartition("-")[2]


def _digest(treatment: Treatment) -> str:
    shift = treatment.shift
    told = {
        "profile": treatment.plan.digest,
        "pixels": treatment.recipe.pixels.digest,
        "key": fingerprint_of(treatment.key.id),
        "shift": [shift.most_days, shift.multiple_of],
    }
    text = json.dumps(told, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
