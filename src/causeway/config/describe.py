"""The tree looked at from outside: which keys a table has, and what each of them is for.

Suggestions, ``causeway config show``, the JSON Schema and the reference pages all read the models
through here, so that a setting is described in one place.
"""

from __future__ import annotations

import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo

from causeway.config.destinations import DESTINATION_TYPES, DestinationSettings
from causeway.config.kinds import Secret, Settings
from causeway.config.routing import Usual
from causeway.config.tree import Configuration
from causeway.lines import Lines


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One kind of table: its heading in the file, its model."""

    heading: str
    """``[spool]``, ``[[listener]]``, ``[listener.tls]``; empty for the top."""
    model: type[Settings]
    beyond: type[Settings] | None = None
    """Another table's model, whose keys it has besides its own."""

    def settings(self) -> Iterator[tuple[str, FieldInfo]]:
        """Its own keys that are settings, not tables."""
        known = self.beyond.model_fields if self.beyond is not None else {}
        for key, field in settings_of(self.model):
            if key not in known or key == "type":
                yield key, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One effective setting and where it comes from."""

    key: str
    value: Any
    line: int | None
    """The line that says it; None for a default."""


def key_of(name: str, field: FieldInfo) -> str:
    """The key in the file: the alias where the attribute is a plural."""
    return field.alias or name


def models_in(annotation: Any) -> tuple[type[Settings], ...]:
    """The tables that a field of this type can hold."""
    if isinstance(annotation, type) and issubclass(annotation, Settings):
        return (annotation,)
    return tuple(model for inner in typing.get_args(annotation) for model in models_in(inner))


def _types_of(model: type[Settings]) -> tuple[type[Settings], ...]:
    """Of ``[[destination]]``, whose table is one of several: all of them."""
    return tuple(DESTINATION_TYPES.values()) if model is DestinationSettings else (model,)


def is_repeated(annotation: Any) -> bool:
    return typing.get_origin(annotation) is tuple and bool(models_in(annotation))


def tables() -> Iterator[Table]:
    """All tables in the order of the file, each before those inside it."""
    yield Table(heading="", model=Configuration)
    yield from _tables_below("", Configuration)


def _tables_below(
    prefix: str, outer: type[Settings], beyond: type[Settings] | None = None
) -> Iterator[Table]:
    for name, field in outer.model_fields.items():
        if beyond is not None and name in beyond.model_fields:
            continue
        key = f"{prefix}{key_of(name, field)}"
        for model in models_in(field.annotation):
            heading = f"[[{key}]]" if is_repeated(field.annotation) else f"[{key}]"
            yield Table(heading=heading, model=model)
            if not (prefix and issubclass(model, Usual)):  # what a source says, it says as all do
                yield from _tables_below(f"{key}.", model)
            if model is DestinationSettings:
                yield from _types_of_destination(heading, f"{key}.")


def _types_of_destination(heading: str, prefix: str) -> Iterator[Table]:
    seen = set()
    for name, model in DESTINATION_TYPES.items():
        yield Table(heading=f'{heading} type = "{name}"', model=model, beyond=DestinationSettings)
        for table in _tables_below(prefix, model, DestinationSettings):
            if (table.heading, table.model) not in seen:
                seen.add((table.heading, table.model))
                yield table


def settings_of(model: type[Settings]) -> Iterator[tuple[str, FieldInfo]]:
    """Keys of a table that are settings, not tables."""
    for name, field in model.model_fields.items():
        if not models_in(field.annotation):
            yield key_of(name, field), field


def keys_at(path: Sequence[str | int], written: Mapping[str, Any]) -> list[str]:
    """The keys that the table at a path can have."""
    return list(dict.fromkeys(key for key, _ in _fields_at(path, written)))


def field_at(path: Sequence[str | int], written: Mapping[str, Any]) -> FieldInfo | None:
    """The setting at a path, however its table is mistaken; None where there is none."""
    *table, key = path
    return next((field for name, field in _fields_at(table, written) if name == key), None)


def _fields_at(
    path: Sequence[str | int], written: Mapping[str, Any]
) -> Iterator[tuple[str, FieldInfo]]:
    candidates: tuple[type[Settings], ...] = (Configuration,)
    value: Any = written
    for part in path:
        value = value[part]
        if isinstance(part, int):
            continue
        candidates = tuple(
            model
            for outer in candidates
            for name, field in outer.model_fields.items()
            if key_of(name, field) == part
            for found in models_in(field.annotation)
            for model in _types_of(found)
        )
    if isinstance(value, dict) and value.get("type") in DESTINATION_TYPES:
        candidates = (DESTINATION_TYPES[value["type"]],)
    for model in candidates:
        for name, field in model.model_fields.items():
            yield key_of(name, field), field


def tables_with(key: str) -> list[str]:
    """Headings of the tables that know a key."""
    return [
        table.heading or "the top of the file, above all tables"
        for table in tables()
        if any(
            key_of(name, field) == key
            for name, field in table.model.model_fields.items()
            if table.beyond is None or name not in table.beyond.model_fields
        )
    ]


def effective(configuration: Configuration, lines: Lines) -> Iterator[Shown]:
    """Every setting with its value, defaults too, in the order of the tree."""
    yield from _effective(configuration, (), lines)


def _effective(settings: Settings, path: tuple[str | int, ...], lines: Lines) -> Iterator[Shown]:
    # A source's own table stands for what it says, and not for defaults.
    partial = isinstance(settings, Usual) and len(path) > 1
    for name, field in type(settings).model_fields.items():
        if partial and name not in settings.model_fields_set:
            continue
        here = (*path, key_of(name, field))
        value = getattr(settings, name)
        if isinstance(value, Settings):
            yield from _effective(value, here, lines)
        elif is_repeated(field.annotation):
            for index, item in enumerate(value):
                yield from _effective(item, (*here, index), lines)
        else:
            yield Shown(key=dotted(here), value=plain(value), line=lines.exact(here))


def dotted(path: Sequence[str | int]) -> str:
    """``listener[0].tls.key``: stable, for machines."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def plain(value: Any) -> Any:
    """A value as JSON knows it. A secret shows where it is, never what it is."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case tuple():
            return [plain(item) for item in value]
        case Mapping():
            return {str(key): plain(item) for key, item in value.items()}
        case Path() | Secret():
            return str(value)
        case _:
            return str(value)


def schema() -> dict[str, Any]:
    """The JSON Schema of the file, for editors that check while one types."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Configuration.model_json_schema(by_alias=True),
        "title": "causeway.toml",
    }
