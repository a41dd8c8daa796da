"""Flywheel's de-identification profiles (YAML or JSON): honoured, corrected, or refused.

Every key of the format is known here. What it asks for is done; where the original does it in a way
that lets something through, it is done right, and ``Profile.notes`` says so. What cannot be
done right is refused with the reason (``flywheel_keys``). Nothing is ignored.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from causeway.attributes import tag_of
from causeway.decide.bounded import compile_bounded
from causeway.deidentify.edit.syntax import dictionary_vr
from causeway.deidentify.plan import Action
from causeway.deidentify.profile.actions import MARKERS, check_fit
from causeway.deidentify.profile.edits import Rewriting, Rewritten, ShiftedBy, rewriting
from causeway.deidentify.profile.flywheel_keys import (
    ACTIONS,
    ONE_VALUE,
    REFUSED,
    REFUSED_IN_DICOM,
    REFUSED_IN_FIELD,
)
from causeway.deidentify.profile.model import Base, Override, Profile, Treatment
from causeway.deidentify.profile.reader import Findings, Path, Reader
from causeway.deidentify.profile.selectors import ByPath, ByTag, Selector, selector
from causeway.deidentify.profile.toml import DAYS_LIMIT, NAME, NAME_RIGHT, tags_matching
from causeway.deidentify.profile.yaml_tree import read_yaml
from causeway.errors import ConfigurationError
from causeway.problems import InvalidConfiguration

# Who replaces a UID replaces what refers to it, or the original leaves in the reference.
_REFERENCES: Final[Mapping[str, str]] = {
    "SOPInstanceUID": "ReferencedSOPInstanceUID ReferencedSOPInstanceUIDInFile "
    "FailedSOPInstanceUIDList SOPInstanceUIDOfConcatenationSource MultiFrameSourceSOPInstanceUID",
    "FrameOfReferenceUID": "ReferencedFrameOfReferenceUID RelatedFrameOfReferenceUID "
    "SourceFrameOfReferenceUID",
}
_REFERRING: Final[Mapping[int, tuple[int, ...]]] = {
    tag_of(name): tuple(map(tag_of, others.split())) for name, others in _REFERENCES.items()
}
_AS_WRITTEN: Final = frozenset({"name", "regex", "input-regex", "output"})
_PARAMETERS: Final[Mapping[str, tuple[str, ...]]] = {
    "replace-with-insert": ("replace-with",),
    "date-increment-override": ("increment-date", "increment-datetime"),
    "date-format": ("increment-date",),
    "datetime-format": ("increment-datetime",),
}


def parse_flywheel(text: str, *, file: str) -> Profile:
    """The profile that ``text`` writes. Raises ``InvalidConfiguration`` with all its problems."""
    written, lines = read_yaml(text, file=file, as_written=_AS_WRITTEN)
    findings = Findings(file, lines)
    if not isinstance(written, dict):
        findings.add((), "is no table of keys", "name: …, and dicom: with its fields below")
        raise InvalidConfiguration(file, findings.problems)
    profile = _Flywheel(Reader(written, findings), findings).profile()
    if findings.problems or profile is None:
        raise InvalidConfiguration(file, findings.problems)
    return profile


class _Flywheel:
    def __init__(self, top: Reader, findings: Findings) -> None:
        self.top = top
        self.findings = findings
        self.notes: list[str] = []
        self.days: int | None = None
        self.inserts = True

    def profile(self) -> Profile | None:
        top = self.top
        name = self._name()
        description = top.text("description")
        if top.whole("version", 1) != 1:
            top.wrong("version", "is not known", "1, or leave it out")
        if not top.truth("only-config-profiles", True):
            top.wrong(
                "only-config-profiles",
                "profiles come from nowhere but the configuration",
                "true, or leave it out",
            )
        self._refuse(top, REFUSED)
        dicom = top.table("dicom")
        if dicom is None:
            top.wrong("dicom", "is missing: nothing would be done", "dicom: with its fields below")
        top.end()
        return None if dicom is None else self._dicom(dicom, name, description)

    def _name(self) -> str:
        name = self.top.text("name", example="site-default")
        if name == "none":
            self.top.wrong(
                "name",
                '"none" is what the original calls no profile at all',
                'leave data as it is with deidentify = "none", or give the profile a name',
            )
        elif not NAME.fullmatch(name):
            what = f'"{name}" is no name of a profile' if name else "is missing"
            self.top.wrong("name", what, NAME_RIGHT)
        return name

    def _dicom(self, dicom: Reader, name: str, description: str) -> Profile:
        self._refuse(dicom, REFUSED_IN_DICOM)
        for key, (only, why, right) in ONE_VALUE.items():
            value = dicom.raw(key)
            if value is not None and (value != only or type(value) is not type(only)):
                dicom.wrong(key, f"cannot be honoured: {why}", right)
        self.days = self._days(dicom, "date-increment")
        self.inserts = dicom.truth("replace-with-insert", True)
        keeps_private = not dicom.truth("remove-private-tags", True)
        allow_list = dicom.truth("remove-undefined", False)
        overrides = tuple(self._fields(dicom))
        dicom.end()
        if not dicom.has("remove-private-tags"):
            self._note(
                "private attributes that are not named are removed; the original keeps them "
                "unless remove-private-tags says otherwise"
            )
        if not dicom.has("recurse-sequence"):
            self._note("fields are treated in sequences too; the original leaves copies there")
        self._note("attributes that PS3.6 does not list are removed; the original keeps them")
        allowed = tuple(each for override in overrides for each in override.selectors)
        return Profile(
            name=name,
            description=description,
            base=Base.NONE,
            keeps_private=keeps_private,
            allow_only=allowed if allow_list else None,
            overrides=overrides,
            file=self.findings.file,
            notes=tuple(self.notes),
        )

    def _refuse(self, table: Reader, refused: Mapping[str, tuple[str, str]]) -> None:
        for key, (why, right) in refused.items():
            if table.has(key):
                table.raw(key)
                table.wrong(key, f"cannot be honoured: {why}", right)

    def _days(self, table: Reader, key: str) -> int | None:
        value = table.raw(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or abs(value) > DAYS_LIMIT:
            table.wrong(
                key,
                "is no whole number of days; the original loses fractions on dates",
                "such as -17",
            )
            return None
        return value

    def _note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    # --- fields ---------------------------------------------------------------------------------

    def _fields(self, dicom: Reader) -> Iterator[Override]:
        found = [made for field in dicom.tables("fields") if (made := self._field(field))]
        yield from found
        named = {each.tag for made in found for each in made.selectors if isinstance(each, ByTag)}
        for made in found:
            if made.treatment.action is not Action.UID:
                continue
            more = [
                ByTag(other)
                for each in made.selectors
                if isinstance(each, ByTag)
                for other in _REFERRING.get(each.tag, ())
                if other not in named
            ]
            if more:
                self._note(
                    "references to instances and frames of reference are replaced with them; the "
                    "original leaves the old UIDs there"
                )
                yield Override(selectors=tuple(more), treatment=made.treatment, origin=made.origin)

    def _field(self, field: Reader) -> Override | None:
        selectors = list(self._selectors(field))
        treatment = self._treatment(field, selectors)
        field.end()
        if treatment is None or not selectors:
            return None
        selectors = self._without_markers(selectors, treatment)
        for each in selectors:
            self._check(field, each, treatment)
        return Override(
            selectors=tuple(selectors),
            treatment=treatment,
            origin=f"{self.findings.file}:{field.line}",
        )

    def _selectors(self, field: Reader) -> Iterator[Selector]:
        name, pattern = field.text("name"), field.text("regex")
        if bool(name) == bool(pattern):
            self.findings.add(
                field.path,
                "has a name and a regex" if name else "names no attribute",
                "one of them: name: PatientID, or regex: .*Date",
            )
            return
        try:
            if name:
                yield _named(name)
            else:
                yield from map(ByTag, self._matching(pattern))
        except ConfigurationError as error:
            field.tell("name" if name else "regex", error)

    def _matching(self, pattern: str) -> list[int]:
        if r"\." in pattern or "[.]" in pattern:
            raise ConfigurationError(
                "a regex over paths cannot be honoured: which there are is known only from each "
                "object",
                hint="name the path: Sequence.*.Attribute",
            )
        tags = tags_matching(compile_bounded(pattern), whole=False, tags=True)
        if not tags:
            raise ConfigurationError(
                "no keyword and no tag of PS3.6 matches",
                hint="it has to match from the beginning on; private attributes are named",
            )
        self._note("a regex speaks of all attributes of PS3.6 that it matches, at any depth")
        return tags

    def _check(self, field: Reader, each: Selector, treatment: Treatment) -> None:
        if isinstance(each, ByPath) and each.index_told:
            if treatment.action is Action.KEEP:
                self.findings.add(
                    field.path,
                    "keeps an attribute in one item of a sequence",
                    "write `*` for all of its items",
                )
            self._note("a rule for one item of a sequence, by its number, is for all of its items")
        try:
            check_fit(each, treatment)
        except ConfigurationError as error:
            self.findings.add(field.path, error.message, error.hint)

    def _without_markers(self, selectors: list[Selector], treatment: Treatment) -> list[Selector]:
        """Profiles write these attributes themselves; here they are written for each object."""
        marking = [each for each in selectors if isinstance(each, ByTag) and each.tag in MARKERS]
        if marking and treatment.action in (Action.REPLACE, Action.KEEP):
            self._note(
                "PatientIdentityRemoved, DeidentificationMethod and their likes are written for "
                "each object, with the profile's name and digest"
            )
            return [each for each in selectors if each not in marking]
        return selectors

    # --- actions --------------------------------------------------------------------------------

    def _treatment(self, field: Reader, selectors: list[Selector]) -> Treatment | None:
        self._refuse(field, REFUSED_IN_FIELD)
        values = {key: field.raw(key) for key in ACTIONS}
        asked = [key for key in ACTIONS if field.has(key)]
        inserts = field.truth("replace-with-insert", self.inserts)
        override = self._days(field, "date-increment-override")
        for key in ("date-format", "datetime-format"):
            only, why, right = ONE_VALUE[key]
            if field.raw(key) not in (None, only):
                field.wrong(key, f"cannot be honoured: {why}", right)
        if any(field.has(key) for key in REFUSED_IN_FIELD):
            return None
        if len(asked) > 1:
            told = " and ".join(asked)
            self.findings.add(field.path, f"asks for {told}", "one action for each field")
        action = asked[0] if asked else "keep"
        value = values[action]
        if asked and action not in ("replace-with", "regex-sub") and value is not True:
            field.wrong(
                action,
                "is not true; the original would do it all the same",
                f"{action}: true, or take the field out",
            )
        for key, owners in _PARAMETERS.items():
            if field.has(key) and action not in owners:
                field.wrong(key, f"belongs to {' and '.join(owners)}", "take it out")
        match action:
            case "replace-with":
                return self._replacing(field, value, inserts, selectors)
            case "regex-sub":
                return self._rewriting(field, value)
            case "increment-date" | "increment-datetime":
                return self._shifting(field, action, self.days if override is None else override)
            case "hash":
                return self._hashing(field, selectors)
            case "hashuid":
                return Treatment(action=Action.UID)
            case "remove":
                return Treatment(action=Action.REMOVE)
        return Treatment(action=Action.KEEP)

    def _replacing(
        self, field: Reader, value: Any, inserts: bool, selectors: list[Selector]
    ) -> Treatment | None:
        if isinstance(value, bool | dict | list):
            field.wrong("replace-with", "must be a text or a number", "replace-with: ANONYMOUS")
            return None
        insertable = all(isinstance(each, ByTag) for each in selectors)
        if inserts and not insertable and field.has("replace-with-insert"):
            field.wrong(
                "replace-with-insert",
                "only an attribute of the top level that PS3.6 lists can be inserted",
                "take it out: what is there is replaced",
            )
        # A regex speaks of what is there: nobody wants all that it could match.
        inserts = inserts and insertable and not field.has("regex")
        text = "" if value is None else str(value)
        return Treatment(action=Action.REPLACE, value=text, inserts=inserts)

    def _hashing(self, field: Reader, selectors: list[Selector]) -> Treatment:
        if any(_vr(each) == "UI" for each in selectors):
            field.wrong("hash", "makes no UID", "hashuid: true")
        self._note(
            "hash gives 16 characters by the project's key, not by a salt, and Patient ID the "
            "patient's alias if there is one"
        )
        return Treatment(action=Action.PSEUDONYM)

    def _shifting(self, field: Reader, action: str, days: int | None) -> Treatment | None:
        if days is None:
            field.wrong(
                action,
                "does not say by how many days",
                "date-increment: -17 in dicom; a TOML profile can use each patient's own",
            )
            return None
        if days == 0:
            field.wrong(action, "moves dates by no day", "keep: true, or another number")
            return None
        return Treatment(action=Action.EDIT, edit=ShiftedBy(days=days))

    def _rewriting(self, field: Reader, value: Any) -> Treatment | None:
        if not isinstance(value, list) or not value:
            field.wrong("regex-sub", "is no list of expressions", "- input-regex: … and output: …")
            return None
        made: list[Rewriting] = []
        for index, each in enumerate(value):
            path: Path = (*field.path, "regex-sub", index)
            if not isinstance(each, dict):
                self.findings.add(path, "is no table", "input-regex: … and output: …")
            elif (one := self._rewriting_of(Reader(each, self.findings, path))) is not None:
                made.append(one)
        self._note("an object with a value that no input-regex matches goes into quarantine")
        edit = Rewritten(rewritings=tuple(made), whole=False, otherwise="quarantine")
        return Treatment(action=Action.EDIT, edit=edit)

    def _rewriting_of(self, entry: Reader) -> Rewriting | None:
        pattern, output = entry.text("input-regex"), entry.text("output")
        if entry.raw("groups") not in (None, []):
            entry.wrong(
                "groups",
                "cannot be honoured: a part of a value is kept or dropped, not treated by itself",
                "leave the part out of the output",
            )
        entry.end()
        if not entry.has("input-regex") or not entry.has("output"):
            self.findings.add(entry.path, "needs input-regex and output", "both of them")
            return None
        try:
            return rewriting(pattern, output)
        except ConfigurationError as error:
            hint = error.hint or "the output can have the expression's own named groups"
            entry.tell("input-regex", ConfigurationError(error.message, hint=hint))
            return None


def _named(name: str) -> Selector:
    """A selector in the original's spellings, which are nearly ours."""
    plain = name.strip()
    return selector(plain[2:] if re.fullmatch(r"0[xX][0-9a-fA-F]{8}", plain) else plain)


def _vr(each: Selector) -> str:
    match each:
        case ByTag(tag):
            return dictionary_vr(tag)
        case ByPath(tags):
            return dictionary_vr(tags[-1])
    return ""
