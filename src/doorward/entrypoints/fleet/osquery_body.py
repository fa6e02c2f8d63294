"""A body of osquery's, which may be compressed (`logger_tls_compress`): bounded either way."""

from __future__ import annotations

import zlib
from typing import Final

from starlette.requests import Request

from doorward.errors import DoorwardError
from doorward.protocol.osquery import MAX_BODY_BYTES

_GZIP: Final = 16 + zlib.MAX_WBITS


async def body_of(request: Request, most: int = MAX_BODY_BYTES) -> bytes:
    """The body, inflated, of at most `most` bytes.

    Raises DoorwardError `request-too-large`, `osquery-malformed`.
    """
    encodings = request.headers.getlist("content-encoding")
    if encodings not in ([], ["identity"], ["gzip"]):
        raise _malformed()
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise _too_large(most)
    return inflated(bytes(body), most) if encodings == ["gzip"] else bytes(body)


def inflated(body: bytes, most: int = MAX_BODY_BYTES) -> bytes:
    """What one gzip member holds (RFC 1952); never more than so much is inflated."""
    stream = zlib.decompressobj(_GZIP)
    try:
        plain = stream.decompress(body, most + 1)
    except zlib.error as error:
        raise _malformed() from error
    if len(plain) > most:
        raise _too_large(most)
    if not stream.eof or stream.unused_data:
        raise _malformed()
    return plain


def _too_large(most: int) -> DoorwardError:
    return DoorwardError(
        "request-too-large",
        f"A message is at most {most // 1024} KiB, compressed or not.",
        "Set --logger_tls_max_lines and --logger_tls_max_linesize to less.",
    )


def _malformed() -> DoorwardError:
    return DoorwardError(
        "osquery-malformed",
        "The body is not what its Content-Encoding says.",
        "Send it as it is, or as gzip.",
    )
