"""The kinds of columns and indexes that the tables are made of."""

from __future__ import annotations

import enum
from collections.abc import Iterable

from sqlalchemy import BigInteger, Column, Double, ForeignKey, Index, Integer, Text, text


def one_of(column: str, states: Iterable[enum.StrEnum]) -> str:
    return f"{column} IN ({', '.join(repr(state.value) for state in states)})"


def any_of(column: str, states: Iterable[enum.StrEnum]) -> str:
    """As ``one_of``, in the form from which SQLite concludes that ``column = 'x'`` is covered."""
    return " OR ".join(f"{column} = {state.value!r}" for state in states)


def partial(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    return Index(
        name, *columns, unique=unique, sqlite_where=text(where), postgresql_where=text(where)
    )


# SQLite makes only a column of type INTEGER the row's own key.
ID = BigInteger().with_variant(Integer(), "sqlite")


# Compared byte by byte, so that a beginning of a UID is a range of the index; SQLite always does.
UID = Text().with_variant(Text(collation="C"), "postgresql")


def row_id() -> Column[int]:
    return Column("id", ID, primary_key=True)


def text_column(name: str) -> Column[str]:
    return Column(name, Text, nullable=False, server_default="")


def time_column(name: str, *, nullable: bool = False) -> Column[float]:
    return Column(name, Double, nullable=nullable)


def reference(name: str, target: str, *, nullable: bool = False) -> Column[int]:
    return Column(name, ID, ForeignKey(target), nullable=nullable)


def count_column(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False, server_default="0")
