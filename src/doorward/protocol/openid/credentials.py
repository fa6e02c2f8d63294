"""How a client says who it is (RFC 6749, 2.3.1), and how it shows an access token (RFC 6750)."""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote_plus

from doorward.protocol.openid.errors import OpenidRefusedError
from doorward.protocol.openid.parameters import Parameters

_MAX_HEADER_LENGTH = 4096
_BEARER = re.compile(r"[A-Za-z0-9._~+/-]{16,512}=*")


@dataclass(frozen=True, slots=True)
class Credentials:
    """Which client asks, by its own word; `secret` is empty where it presents none."""

    client: str
    secret: str
    by_header: bool


def read_credentials(authorization: Sequence[str], parameters: Parameters) -> Credentials:
    """Raises OpenidRefusedError: `invalid_request` for two ways at once, else `invalid_client`."""
    parameters.require_plain(("client_id", "client_secret", "client_assertion"))
    named, secret = parameters.get("client_id"), parameters.get("client_secret")
    if not authorization:
        if not named:
            raise OpenidRefusedError("invalid_client", "No client says that it asks.")
        return Credentials(named, secret, by_header=False)
    client, password = _basic(authorization)
    if secret or (named and named != client):
        raise OpenidRefusedError("invalid_request", "The client says twice who it is.")
    return Credentials(client, password, by_header=True)


def read_bearer(authorization: Sequence[str]) -> str:
    """The access token; empty where there is none that could be one."""
    if len(authorization) != 1:
        return ""
    scheme, _, token = authorization[0].partition(" ")
    return token if scheme.lower() == "bearer" and _BEARER.fullmatch(token) else ""


def _basic(authorization: Sequence[str]) -> tuple[str, str]:
    scheme, _, encoded = authorization[0].strip(" ").partition(" ")
    try:
        if len(authorization) > 1 or scheme.lower() != "basic" or len(encoded) > _MAX_HEADER_LENGTH:
            raise ValueError  # noqa: TRY301 - one translation for every malformed form
        text = b64decode(encoded, validate=True).decode("ascii")
    except (ValueError, binascii.Error):
        raise OpenidRefusedError("invalid_client", "Authorization is no Basic scheme.") from None
    client, _, password = text.partition(":")
    return unquote_plus(client), unquote_plus(password)
