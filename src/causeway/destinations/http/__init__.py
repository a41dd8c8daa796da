"""HTTP for destinations: a client a destination, its credentials, bodies of known length."""

from causeway.destinations.http.bodies import (
    Body,
    Part,
    Pieces,
    in_memory,
    multipart,
    new_boundary,
    part_in_memory,
    parts_of,
)
from causeway.destinations.http.client import Answer, HttpClient, HttpOptions, Proxy
from causeway.destinations.http.credentials import (
    Anonymous,
    Basic,
    BearerTokens,
    Credentials,
    FixedToken,
    revealed,
)
from causeway.destinations.http.failures import failure_of_status, retry_after_seconds
from causeway.destinations.http.oauth import Key, OAuth, Tokens
from causeway.destinations.http.trust import Reveal, Trust

__all__ = [
    "Anonymous",
    "Answer",
    "Basic",
    "BearerTokens",
    "Body",
    "Credentials",
    "FixedToken",
    "HttpClient",
    "HttpOptions",
    "Key",
    "OAuth",
    "Part",
    "Pieces",
    "Proxy",
    "Reveal",
    "Tokens",
    "Trust",
    "failure_of_status",
    "in_memory",
    "multipart",
    "new_boundary",
    "part_in_memory",
    "parts_of",
    "retry_after_seconds",
    "revealed",
]
