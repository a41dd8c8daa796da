"""Profiles in TOML, this project's own form.

::

    name = "knee-study"
    base = "basic"
    options = ["retain_patient_characteristics", "clean_descriptors"]
    dates = "modified"

    [[override]]
    attributes = ["StudyID", "RequestAttributesSequence.*.RequestedProcedureID"]
    action = "pseudonym"

``docs/reference/deidentification-profiles.md`` describes every key.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Sequence
from typing import Final

from causeway.decide.bounded import Bounded, compile_bounded
from causeway.deidentify.plan import Action
from causeway.deidentify.profile.actions import WORDS, action_of, check_fit
from causeway.deidentify.profile.descriptors import folded
from causeway.deidentify.profile.edits import (
    OTHERWISE,
    Otherwise,
    Rewritten,
    ShiftedBy,
    rewriting,
)
from causeway.deidentify.profile.model import Ages, Base, Dates, Override, Profile, Treatment
from causeway.deidentify.profile.reader import Findings, Path, Reader, one_of
from causeway.deidentify.profile.selectors import ByCreator, ByTag, Selector, selector
from causeway.deidentify.standard import Option
from causeway.deidentify.standard.options import NOT_HERE
from causeway.dictionary import DICTIONARY, keyword_of
from causeway.errors import ConfigurationError
from causeway.lines import scan
from causeway.problems import InvalidConfiguration, Problem

NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}")
NAME_RIGHT: Final = "letters, digits, dots, hyphens and underscores, at most 32, as in knee-study"
DAYS_LIMIT: Final = 365_000

_PARAMETERS: Final = {
    "replace": ("value", "insert"),
    "shift": ("days",),
    "rewrite": ("pattern", "output", "otherwise"),
}


def parse_toml(text: str, *, file: str) -> Profile:
    """The profile that ``text`` writes.

    Raises ``InvalidConfiguration`` with all problems of it.
    """
    try:
        written = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InvalidConfiguration(file, [_grammar(error, text, file)]) from None
    findings = Findings(file, scan(text))
    profile = _Toml(Reader(written, findings), findings).profile()
    if findings.problems or profile is None:
        raise InvalidConfiguration(file, findings.problems)
    return profile


def _grammar(error: Exception, text: str, file: str) -> Problem:
    said = str(error) if isinstance(error, tomllib.TOMLDecodeError) else "tables too deep"
    at = re.search(r" \(at (?:line (\d+), column \d+|end of document)\)$", said)
    line = int(at[1]) if at and at[1] else text.count("\n") + 1
    what = said[: at.start()] if at else said
    return Problem(
        file=file,
        line=line,
        setting="",
        what=f"this is not TOML: {what[:1].lower()}{what[1:]}",
        right='each line is `key = value`, `[table]`, `[[table]]` or a comment; texts are "quoted"',
    )


class _Toml:
    def __init__(self, top: Reader, findings: Findings) -> None:
        self.top = top
        self.findings = findings
        self.warnings: list[Problem] = []

    def profile(self) -> Profile | None:
        top = self.top
        name = top.text("name", example='"knee-study"')
        if not NAME.fullmatch(name):
            top.wrong(
                "name", f'"{name}" is no name of a profile' if name else "is missing", NAME_RIGHT
            )
        description = top.text("description")
        base = Base(top.choice("base", list(Base), Base.BASIC))
        options = self._options()
        dates = self._dates(options)
        options -= {Option.RETAIN_FULL_DATES, Option.RETAIN_MODIFIED_DATES}
        options |= {
            Dates.FULL: {Option.RETAIN_FULL_DATES},
            Dates.MODIFIED: {Option.RETAIN_MODIFIED_DATES},
            Dates.REMOVED: set(),
        }[dates]
        ages = Ages(top.choice("ages", list(Ages), Ages.CAPPED))
        if top.has("ages") and Option.RETAIN_PATIENT_CHARACTERISTICS not in options:
            top.wrong(
                "ages",
                "says nothing: ages are removed with all that tells of a patient",
                'take it out, or add the option "retain_patient_characteristics"',
            )
        keeps_private = top.choice("private", ("remove", "keep"), "remove") == "keep"
        keeps_unknown = top.choice("unknown", ("remove", "keep"), "remove") == "keep"
        allow_only = self._allow_only()
        words, without = self._words()
        overrides = tuple(self._overrides())
        top.end()
        if base is Base.NONE and (options or top.has("dates")):
            key = "options" if top.has("options") else "dates"
            top.wrong(
                key,
                'belongs to the base "basic", and this profile has none',
                'write base = "basic", or say it by overrides',
            )
        if self.findings.problems:
            return None
        return Profile(
            name=name,
            description=description,
            base=base,
            options=frozenset(options),
            ages=ages,
            keeps_private=keeps_private,
            keeps_unknown=keeps_unknown,
            allow_only=allow_only,
            words=words,
            without_words=without,
            overrides=overrides,
            file=self.findings.file,
            warnings=tuple(self.warnings),
        )

    # --- what the base does ---------------------------------------------------------------------

    def _options(self) -> set[Option]:
        found: set[Option] = set()
        for text, path in self.top.texts("options"):
            key = text.strip().lower()
            if key in NOT_HERE:
                self.findings.add(path, f'"{text}" cannot be an option here', NOT_HERE[key])
            elif key not in set(Option):
                self.findings.add(path, f'there is no option "{text}"', one_of(text, list(Option)))
            else:
                found.add(Option(key))
        return found

    def _dates(self, options: set[Option]) -> Dates:
        """Of two options the more protective counts; full dates win only if ``dates`` says so."""
        full, modified = (
            Option.RETAIN_FULL_DATES in options,
            Option.RETAIN_MODIFIED_DATES in options,
        )
        told = self.top.choice("dates", list(Dates), "")
        if not told:
            if full and modified:
                self.warnings.append(
                    self.findings.problem(
                        ("options",),
                        "retains full dates and modified dates; modified ones protect more, so "
                        "dates are modified",
                        'say which: dates = "modified", or dates = "full"',
                    )
                )
            return Dates.MODIFIED if modified else Dates.FULL if full else Dates.REMOVED
        dates = Dates(told)
        if (dates is Dates.REMOVED and (full or modified)) or (
            dates is Dates.MODIFIED and full and not modified
        ):
            self.top.wrong(
                "dates",
                f'is "{dates}", and the options retain more',
                "take the option out, or say here what shall be",
            )
        return dates

    def _allow_only(self) -> tuple[Selector, ...] | None:
        texts = self.top.texts("allow_only")
        if not self.top.has("allow_only"):
            return None
        found = tuple(self._selectors(texts))
        if not found and not self.findings.problems:
            self.top.wrong(
                "allow_only",
                "is empty: nothing but pixels would be left",
                'name what may stay, such as ["Modality", "SeriesNumber"]',
            )
        return found

    def _words(self) -> tuple[frozenset[str], frozenset[str]]:
        table = self.top.table("descriptors")
        if table is None:
            return frozenset(), frozenset()
        found = []
        for key in ("words", "without"):
            words = set()
            for text, path in table.texts(key):
                if re.fullmatch(r"[^\W_]{1,40}", text) is None:
                    self.findings.add(
                        path, f'"{text}" is not one word', "letters and digits; each word by itself"
                    )
                words.add(folded(text))
            found.append(frozenset(words))
        table.end()
        return found[0], found[1]

    # --- overrides ------------------------------------------------------------------------------

    def _overrides(self) -> Iterator[Override]:
        for table in self.top.tables("override"):
            selectors = list(self._selectors(table.texts("attributes")))
            selectors += self._matching(table)
            selectors += self._creator(table)
            if not any(table.has(key) for key in ("attributes", "matches", "creator")):
                self.findings.add(
                    table.path,
                    "does not say what it is about",
                    'attributes = ["PatientComments"], matches = ".*Comments", or a creator',
                )
            treatment = self._treatment(table)
            table.text("why")
            table.end()
            if treatment is None:
                continue
            for each in selectors:
                try:
                    check_fit(each, treatment)
                except ConfigurationError as error:
                    self.findings.add(table.path, error.message, error.hint)
            yield Override(
                selectors=tuple(selectors),
                treatment=treatment,
                origin=f"{self.findings.file}:{table.line}",
            )

    def _selectors(self, texts: Sequence[tuple[str, Path]]) -> Iterator[Selector]:
        for text, path in texts:
            try:
                found = selector(text)
            except ConfigurationError as error:
                self.findings.add(path, error.message, error.hint)
                continue
            if getattr(found, "index_told", False):
                self.findings.add(
                    path,
                    "names an item by its number",
                    "write `*`: a rule is for all items of a sequence",
                )
            yield found

    def _matching(self, table: Reader) -> list[Selector]:
        pattern = table.text("matches", example='".*Comments"')
        if not table.has("matches"):
            return []
        try:
            tags = tags_matching(compile_bounded(pattern))
        except ConfigurationError as error:
            table.tell("matches", error)
            return []
        if not tags:
            table.wrong(
                "matches",
                "no keyword matches",
                "it has to match a whole keyword: .*Comments, not Comments",
            )
        return [ByTag(tag) for tag in tags]

    def _creator(self, table: Reader) -> list[Selector]:
        creator = table.text("creator", example='"SIEMENS MR HEADER"').strip()
        groups = table.texts("groups")
        if not table.has("creator"):
            if groups:
                table.wrong(
                    "groups", "says where private attributes of a creator are", 'add creator = "…"'
                )
            return []
        found: list[Selector] = []
        for text, path in groups:
            if re.fullmatch(r"[0-9a-fA-F]{3}[13579bdfBDF]", text) is None:
                self.findings.add(
                    path,
                    f'"{text}" is no private group',
                    "four digits, the last of them odd, such as 0019",
                )
            else:
                found.append(ByCreator(int(text, 16), creator, None))
        if not creator or not groups:
            table.wrong(
                "creator",
                "needs the groups that its attributes are in",
                'such as groups = ["0019"]; one attribute alone is named in attributes',
            )
        return found

    def _treatment(self, table: Reader) -> Treatment | None:
        word = table.choice("action", WORDS, "")
        if not table.has("action"):
            self.findings.add(table.path, "does not say what is done", one_of("", WORDS))
        mine = _PARAMETERS.get(word, ())
        for other in sorted({key for keys in _PARAMETERS.values() for key in keys} - set(mine)):
            if table.has(other) and word:
                owner = next(name for name, keys in _PARAMETERS.items() if other in keys)
                table.wrong(other, f'is for the action "{owner}"', "take it out")
                table.raw(other)
        if not word:
            for each in _PARAMETERS.values():
                for key in each:
                    table.raw(key)
            return None
        action = action_of(word)
        match word:
            case "replace":
                return self._replacing(table)
            case "shift" if table.has("days"):
                days = table.whole("days") or 0
                if not 0 < abs(days) <= DAYS_LIMIT:
                    table.wrong(
                        "days",
                        "is no number of days to move a date by",
                        "such as -17; without it, each patient has a number of its own",
                    )
                return Treatment(action=Action.EDIT, edit=ShiftedBy(days=days))
            case "shift":
                table.raw("days")
            case "rewrite":
                return self._rewriting(table)
        return Treatment(action=action)

    def _replacing(self, table: Reader) -> Treatment:
        if not table.has("value"):
            table.wrong("action", "does not say what by", 'value = "ANONYMOUS"')
        value = table.raw("value")
        if isinstance(value, bool) or not isinstance(value, str | int | float | None):
            table.wrong("value", "must be a text or a number", 'value = "ANONYMOUS"')
        return Treatment(
            action=Action.REPLACE,
            value="" if value is None else str(value),
            inserts=table.truth("insert", False),
        )

    def _rewriting(self, table: Reader) -> Treatment | None:
        pattern, output = table.text("pattern"), table.text("output")
        chosen = table.choice("otherwise", OTHERWISE, "remove")
        otherwise: Otherwise = next(each for each in OTHERWISE if each == chosen)
        if not table.has("pattern") or not table.has("output"):
            table.wrong(
                "action",
                "needs a pattern and an output",
                "pattern = '(?P<site>[A-Z]+)-.*' and output = \"{site}\"",
            )
            return None
        try:
            made = rewriting(pattern, output)
        except ConfigurationError as error:
            table.tell("pattern", error)
            return None
        edit = Rewritten(rewritings=(made,), otherwise=otherwise)
        return Treatment(action=Action.EDIT, edit=edit)


def tags_matching(expression: Bounded, *, whole: bool = True, tags: bool = False) -> list[int]:
    """Attributes of PS3.6 whose keyword matches, or their eight digits if ``tags``."""

    def matches(text: str) -> bool:
        found = expression.fullmatch(text) if whole else expression.match(text)
        return found is not None

    return [
        tag
        for tag in DICTIONARY
        if tag >> 16 not in (0, 2, 0xFFFE)
        and (keyword := keyword_of(tag))
        and (matches(keyword) or (tags and matches(f"{tag:08X}")))
    ]
