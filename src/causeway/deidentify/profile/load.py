"""Profiles by name or file."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Final

from causeway.deidentify.profile.flywheel import parse_flywheel
from causeway.deidentify.profile.model import Profile
from causeway.deidentify.profile.toml import parse_toml
from causeway.errors import ConfigurationError
from causeway.problems import InvalidConfiguration, Problem

SHIPPED: Final = ("basic", "research", "direct-identifiers-only")
_YAML: Final = frozenset({".yaml", ".yml", ".json"})


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenProfile:
    """A profile as it is written; ``parsed`` reads it, here and wherever it is kept."""

    text: str = field(repr=False)
    file: str
    """Its path, or the name of a shipped one."""

    def parsed(self) -> Profile:
        """Raises ``InvalidConfiguration``, with every problem in it, if it cannot be used."""
        parse = parse_flywheel if Path(self.file).suffix.lower() in _YAML else parse_toml
        return parse(self.text, file=self.file)


def load_profile(reference: str | Path) -> Profile:
    """A shipped profile by its name, or one in a file: TOML, or Flywheel's YAML or JSON.

    Raises ``ConfigurationError`` if there is none, and ``InvalidConfiguration``, with every problem
    in it, if it cannot be used.
    """
    return read_profile(reference).parsed()


def read_profile(reference: str | Path) -> WrittenProfile:
    """The text of a profile. Raises ``ConfigurationError`` if there is none."""
    if str(reference) in SHIPPED:
        return WrittenProfile(text=shipped_text(str(reference)), file=str(reference))
    path = Path(reference)
    if path.suffix.lower() not in {".toml", *_YAML}:
        raise ConfigurationError(
            f'there is no profile "{reference}"',
            hint=f"shipped are {', '.join(SHIPPED)}; a file ends in .toml, or .yaml for Flywheel's",
        )
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(
            f"the profile {path} cannot be read: {error.strerror}",
            hint=f"see the path and its rights, or name a shipped one: {', '.join(SHIPPED)}",
        ) from None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        what = f"byte 0x{content[error.start]:02x} is not UTF-8"
        problem = Problem(
            file=str(path), line=line, setting="", what=what, right="save the file as UTF-8"
        )
        raise InvalidConfiguration(str(path), [problem]) from None
    return WrittenProfile(text=text, file=str(path))


def shipped_text(name: str) -> str:
    """A shipped profile as it is written, to start from."""
    folder = files("causeway.deidentify.profile").joinpath("shipped")
    return folder.joinpath(f"{name}.toml").read_text(encoding="utf-8")
