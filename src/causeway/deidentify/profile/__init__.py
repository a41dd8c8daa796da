"""Profiles: what a person decides about identifying attributes, in a file that others can read.

``load_profile`` reads one (TOML, or Flywheel's YAML) or names what is wrong with it, line by line;
``compile_profile`` makes the plan that the editor looks up, and decides whether it does what
PS3.15 asks for.
"""

from causeway.deidentify.profile.compiling import compile_profile
from causeway.deidentify.profile.conformance import Weakness, looked_up, weaknesses
from causeway.deidentify.profile.flywheel import parse_flywheel
from causeway.deidentify.profile.listing import Differing, Listed, differences, listing
from causeway.deidentify.profile.load import (
    SHIPPED,
    WrittenProfile,
    load_profile,
    read_profile,
    shipped_text,
)
from causeway.deidentify.profile.model import Ages, Base, Dates, Override, Profile, Treatment
from causeway.deidentify.profile.toml import parse_toml

__all__ = [
    "SHIPPED",
    "Ages",
    "Base",
    "Dates",
    "Differing",
    "Listed",
    "Override",
    "Profile",
    "Treatment",
    "Weakness",
    "WrittenProfile",
    "compile_profile",
    "differences",
    "listing",
    "load_profile",
    "looked_up",
    "parse_flywheel",
    "parse_toml",
    "read_profile",
    "shipped_text",
    "weaknesses",
]
