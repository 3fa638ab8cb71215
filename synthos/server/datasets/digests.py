"""The digest that a part was sent with, by RFC 9530 or in plain hexadecimal."""

from __future__ import annotations

import base64
import re

from synthos.server.errors import InvalidError

_HEX = re.compile(r"[0-9a-fA-F]{64}")
_FIELD = re.compile(r"(?:^|,)\s*sha-256\s*=\s*([^,]*)")
_BYTES = re.compile(r":([A-Za-z0-9+/]{43}=):\s*")


def expected_sha256(content_digest: str | None, part_sha256: str | None) -> str | None:
    """SHA-256 in hexadecimal as the client gives it, in either header; None where it gives none.

    Other algorithms in ``Content-Digest`` are passed over, as RFC 9530 wants it.

    Raises
    ------
    InvalidError : a digest that is none, or two that differ.
    """
    found: set[str] = set()
    if part_sha256 is not None:
        if not _HEX.fullmatch(part_sha256):
            raise InvalidError(("header.X-Part-SHA256", "is not 64 hexadecimal digits"))
        found.add(part_sha256.lower())
    if content_digest is not None and (field := _FIELD.search(content_digest)):
        value = _BYTES.fullmatch(field[1])
        if value is None:
            raise InvalidError(("header.Content-Digest", "holds no SHA-256 as :BASE64:"))
        found.add(base64.b64decode(value[1]).hex())
    if len(found) > 1:
        raise InvalidError(("header.X-Part-SHA256", "is another digest than that in Content-Digest"))
    return found.pop() if found else None
