"""The kinds of value that a setting can have, beyond what TOML and pydantic know by themselves.

Each kind reads what a person writes (``"10 GiB"``, ``"10.0.0.0/8"``, ``"env:NAME"``), gives a typed
value, and says both what is wrong with anything else and what would be right. The two halves travel
to the reader apart: ``wrong(what, right)``.

Some kinds need to know where the file stands, since relative paths are relative to it; validation
hands them ``Surroundings``. Looking at the file system is part of reading a path, so that a missing
folder is reported beside all other mistakes; ``look=False`` leaves that out.
"""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    PlainSerializer,
    PlainValidator,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from causeway.errors import ConfigurationError


class Settings(BaseModel):
    """One table of the file: frozen, typed strictly, and closed to keys that it does not know."""

    model_config = ConfigDict(
        defer_build=True,  # only the process that reads the file needs them built
        extra="forbid",
        frozen=True,
        strict=True,
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
        allow_inf_nan=False,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """Where a configuration stands while it is read."""

    folder: Path
    look: bool = True
    """Whether files and folders that it names must be there."""

    @classmethod
    def of(cls, info: ValidationInfo) -> Surroundings:
        context = info.context
        return context if isinstance(context, cls) else cls(folder=Path.cwd(), look=False)


def wrong(what: str, right: str) -> PydanticCustomError:
    """An error whose remedy stands apart from its statement."""
    return PydanticCustomError("causeway", "{what}", {"what": what, "right": right})


# --- sizes -------------------------------------------------------------------------------------

_UNITS = {
    "B": 1,
    "kB": 1000,
    "MB": 1000**2,
    "GB": 1000**3,
    "TB": 1000**4,
    "KiB": 1024,
    "MiB": 1024**2,
    "GiB": 1024**3,
    "TiB": 1024**4,
}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([A-Za-z]+)")
_SIZE_RIGHT = 'write bytes as a number, or a text with its unit such as "512 MiB" or "10 GB"'


def size(value: object) -> int:
    """``"10 GiB"`` or a number of bytes, in bytes."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise wrong(f"must be a size, not {kind_of(value)}", _SIZE_RIGHT)
    if isinstance(value, int):
        if value < 0:
            raise wrong("must be a size, and a size is not negative", _SIZE_RIGHT)
        return value
    match = _SIZE.fullmatch(value.strip())
    if match is None:
        raise wrong(f'must be a size; "{value}" is none', _SIZE_RIGHT)
    number, unit = match.groups()
    if unit not in _UNITS:
        raise wrong(
            f'has the unit "{unit}", which is not known',
            f"units are {', '.join(_UNITS)}; 1 KiB is 1024 bytes and 1 kB is 1000",
        )
    return int(float(number) * _UNITS[unit])


def show_size(count: int) -> str:
    """Bytes as a text that ``size`` reads back to the same number."""
    for unit in ("TiB", "GiB", "MiB", "KiB"):
        if count and count % _UNITS[unit] == 0:
            return f"{count // _UNITS[unit]} {unit}"
    return f"{count} B"


Size = Annotated[
    int,
    BeforeValidator(size),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 0},
                {"type": "string", "pattern": rf"^\d+(\.\d+)?\s*({'|'.join(_UNITS)})$"},
            ]
        }
    ),
]

# --- names -------------------------------------------------------------------------------------

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def _name(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise wrong(
            f'"{value}" is not a name',
            "letters, digits, dots, hyphens and underscores, at most 64, a letter or digit first",
        )
    return value


Name = Annotated[str, AfterValidator(_name)]
"""Names stand in logs, folders, URLs and the ledger, so they are kept plain."""


def _ae_title(value: str) -> str:
    # PS3.5, table 6.2-1, AE: at most 16 characters, no backslash, no control characters, and
    # spaces at either end do not count.
    bare = value.strip(" ")
    if not bare:
        raise wrong("must not be empty", "an AE title of 1 to 16 characters")
    if len(bare) > 16:
        raise wrong(
            f'"{bare}" has {len(bare)} characters', f'at most 16, for example "{bare[:16]}"'
        )
    if not bare.isascii() or not bare.isprintable() or "\\" in bare:
        raise wrong(
            f"{bare!r} has characters that an AE title cannot have",
            "ASCII letters, digits, spaces and signs without the backslash",
        )
    return bare


AETitle = Annotated[str, AfterValidator(_ae_title)]


def _host(value: str) -> str:
    if value == "localhost":
        return value
    try:
        return str(ipaddress.ip_address(value))
    except ValueError:
        raise wrong(
            f'"{value}" is not an address to listen on',
            'an IP address of this machine, "127.0.0.1" for this machine only, '
            'or "0.0.0.0" for all of its addresses',
        ) from None


Host = Annotated[str, AfterValidator(_host)]

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def _network(value: object) -> Network:
    if not isinstance(value, str):
        raise wrong(
            f"must be a network as text, not {kind_of(value)}", 'for example "192.168.10.0/24"'
        )
    try:
        return ipaddress.ip_network(value)
    except ValueError:
        try:
            right = f'"{ipaddress.ip_network(value, strict=False)}" for the network'
            what = f'"{value}" is an address within a network, not a network'
        except ValueError:
            what = f'"{value}" is neither an address nor a network'
            right = '"192.168.10.7" for one machine, "192.168.10.0/24" for a network'
        raise wrong(what, right) from None


Cidr = Annotated[
    Network,
    PlainValidator(_network),
    PlainSerializer(str),
    WithJsonSchema({"type": "string", "examples": ["192.168.10.0/24", "10.1.2.3"]}),
]


def _fingerprint(value: str) -> str:
    plain = value.replace(":", "").lower()
    if not re.fullmatch(r"[0-9a-f]{64}", plain):
        raise wrong(
            "is not a SHA-256 fingerprint",
            "64 hexadecimal digits, as `openssl x509 -noout -fingerprint -sha256 -in FILE` prints",
        )
    return plain


Fingerprint = Annotated[str, AfterValidator(_fingerprint)]


def _uids(value: object) -> Literal["any"] | tuple[str, ...]:
    if value == "any":
        return "any"
    right = '"any", or a list of UIDs such as ["1.2.840.10008.5.1.4.1.1.2"]'
    if not isinstance(value, tuple | list):
        raise wrong('must be "any" or a list of UIDs', right)
    if not value:
        raise wrong("is an empty list: nothing would be accepted", right)
    for uid in value:
        if (
            not isinstance(uid, str)
            or len(uid) > 64
            or not re.fullmatch(r"\d+(\.\d+)+", uid)  # PS3.5, section 9
        ):
            raise wrong(f"{uid!r} in the list is not a UID", right)
    return tuple(value)


Uids = Annotated[
    Literal["any"] | tuple[str, ...],
    PlainValidator(_uids),
    WithJsonSchema(
        {"anyOf": [{"const": "any"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}
    ),
]

# --- files and folders -------------------------------------------------------------------------


def _placed(value: object, info: ValidationInfo) -> Path:
    """The path that is meant: relative ones start at the configuration file's folder."""
    if isinstance(value, Path):
        return value
    if not isinstance(value, str) or not value.strip():
        raise wrong(f"must be a path, not {kind_of(value)}", 'a path in quotes, such as "data"')
    if "\0" in value:
        raise wrong("has a null character in it", 'a path in quotes, such as "data"')
    folder = Surroundings.of(info).folder
    return Path(os.path.normpath(folder / Path(value).expanduser()))


def _is_folder(path: Path, info: ValidationInfo) -> Path:
    """A folder that is there, or can be made: the folder above it must be there."""
    if not Surroundings.of(info).look:
        return path
    if path.is_dir():
        return path
    if path.exists():
        raise wrong(f"{path} is not a folder", "name a folder, or move what stands in its place")
    if not path.parent.is_dir():
        raise wrong(
            f"{path} cannot be made, because {path.parent} is not there",
            f"make it with `mkdir -p {path.parent}`, or correct the path",
        )
    return path


def _is_file(path: Path, info: ValidationInfo) -> Path:
    if not Surroundings.of(info).look:
        return path
    if path.is_dir():
        raise wrong(f"{path} is a folder", "name the file in it")
    if not path.exists():
        raise wrong(f"{path} is not there", "correct the path, or put the file there")
    return path


def _can_be_made(path: Path, info: ValidationInfo) -> Path:
    """A file that is there, or that can be made: the folder that it is in must be there."""
    if not Surroundings.of(info).look:
        return path
    if path.is_dir():
        raise wrong(f"{path} is a folder", "name a file")
    if not path.parent.is_dir():
        raise wrong(
            f"{path} cannot be made, because {path.parent} is not there",
            f"make it with `mkdir -p {path.parent}`, or correct the path",
        )
    return path


_PATH_SCHEMA = WithJsonSchema({"type": "string", "format": "path", "minLength": 1})
Folder = Annotated[Path, BeforeValidator(_placed), AfterValidator(_is_folder), _PATH_SCHEMA]
PresentFile = Annotated[Path, BeforeValidator(_placed), AfterValidator(_is_file), _PATH_SCHEMA]
FutureFile = Annotated[Path, BeforeValidator(_placed), AfterValidator(_can_be_made), _PATH_SCHEMA]

# --- secrets -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Secret:
    """Where a secret is; its value is read when it is needed and kept nowhere."""

    kind: Literal["env", "file"]
    place: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.place}"

    def reveal(self, environment: Callable[[str], str | None] = os.environ.get) -> str:
        """The secret itself. Keep it out of messages and attributes."""
        if self.kind == "env":
            value = environment(self.place)
            if value is None:
                raise ConfigurationError(
                    f"the environment has no {self.place}, which the configuration refers to",
                    hint=f"set {self.place} where the service is started",
                )
            return value
        try:
            return Path(self.place).read_text().rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(
                f"the secret in {self.place} cannot be read: {type(error).__name__}",
                hint="the file must be text and readable by the user that runs the service",
            ) from None


def _secret(value: object, info: ValidationInfo) -> Secret:
    # The value is never repeated: who mistakes this setting writes the secret itself.
    right = '"env:NAME" for an environment variable, or "file:PATH" for a file that holds it'
    if isinstance(value, Secret):
        return value
    if not isinstance(value, str):
        raise wrong("must refer to a secret", right)
    kind, colon, place = value.partition(":")
    if not colon or kind not in ("env", "file") or not place:
        raise wrong("must refer to a secret, not be one", right)
    if kind == "env":
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", place):
            raise wrong("does not name an environment variable", right)
        return Secret("env", place)
    return Secret("file", str(_is_file(_placed(place, info), info)))


SecretReference = Annotated[
    Secret,
    PlainValidator(_secret),
    PlainSerializer(str),
    WithJsonSchema({"type": "string", "pattern": "^(env|file):.+$"}),
]


def secret(text: str) -> Secret:
    """A reference to a secret from elsewhere than the file: a command's option."""
    try:
        return TypeAdapter(SecretReference).validate_python(text)
    except ValidationError as error:
        context = error.errors()[0].get("ctx", {})
        raise ConfigurationError(
            f"a password {context.get('what', 'must refer to a secret')}",
            hint=context.get("right", ""),
        ) from None


_LONGEST_QUOTED = 80


def quoted(text: str) -> str:
    """A text of the file in a message: on one line, and not longer than a line."""
    plain = "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)
    return f'"{plain if len(plain) <= _LONGEST_QUOTED else plain[:_LONGEST_QUOTED] + "…"}"'


def kind_of(value: Any) -> str:
    """What a TOML value is, in words: "the text "x"", "a list"."""
    match value:
        case bool():
            return f"`{str(value).lower()}`"
        case str():
            return f"the text {quoted(value)}"
        case int() | float():
            return f"the number {value}"
        case dict():
            return "a table"
        case list() | tuple():
            return "a list"
        case _:
            return "a date or time"
