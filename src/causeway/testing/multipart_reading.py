"""Multipart bodies read as a strict receiver reads them, apart from the code that writes them."""

from __future__ import annotations

import re


class BadMultipart(ValueError):
    """Not what RFC 2046 asks for."""


def parts(body: bytes, content_type: str, kind: str) -> list[tuple[dict[str, str], bytes]]:
    """Headers (names in small letters) and content of each part. Raises ``BadMultipart``."""
    if not content_type.lower().startswith(f"multipart/{kind}"):
        raise BadMultipart(f"not multipart/{kind}")
    match = re.search(r'boundary=(?:"([^"]+)"|([^;\s]+))', content_type)
    if match is None:
        raise BadMultipart("no boundary")
    boundary = (match[1] or match[2]).encode()
    if not 1 <= len(boundary) <= 70:
        raise BadMultipart("a boundary has 1 to 70 characters")
    delimiter = b"--" + boundary
    if not body.startswith(delimiter):
        raise BadMultipart("it does not begin with its boundary")
    pieces = (b"\r\n" + body).split(b"\r\n" + delimiter)
    if pieces[0] or not pieces[-1].startswith(b"--") or pieces[-1].strip(b"-\r\n"):
        raise BadMultipart("it does not end as it should")
    found = []
    for piece in pieces[1:-1]:
        if not piece.startswith(b"\r\n"):
            raise BadMultipart("text behind a boundary")
        head, empty, content = piece[2:].partition(b"\r\n\r\n")
        if not empty:
            raise BadMultipart("a part without the end of its headers")
        headers = {}
        for line in head.decode().split("\r\n"):
            name, colon, value = line.partition(":")
            if not colon:
                raise BadMultipart("a header without a colon")
            headers[name.strip().lower()] = value.strip()
        found.append((headers, content))
    return found
