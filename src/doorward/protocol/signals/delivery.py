"""How tokens come to a receiver: by push (RFC 8935) and by poll (RFC 8936)."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

PUSH: Final = "urn:ietf:rfc:8935"
POLL: Final = "urn:ietf:rfc:8936"
DELIVERY_METHODS = (PUSH, POLL)

CONFIGURATION_PATH: Final = "/.well-known/ssf-configuration"
SPEC_VERSION: Final = "1_0"
SET_MEDIA_TYPE: Final = "application/secevent+jwt"

ERROR_CODES = frozenset(
    {
        "invalid_request",
        "invalid_key",
        "invalid_issuer",
        "invalid_audience",
        "authentication_failed",
        "access_denied",
        "invalid_state",
    }
)
"""What a receiver answers to a token it does not take (RFC 8935, 2.4; SSF 1.0, 8.1.4.1)."""

MAX_POLLED = 100
"""The most tokens of one answer, and the most that one request may acknowledge or refuse."""

MAX_SET_BYTES = 16 * 1024


class SetError(msgspec.Struct, frozen=True, kw_only=True):
    """Why a receiver does not take a token: `err` is of `ERROR_CODES`, or another's code."""

    err: str
    description: str = ""


class PollRequest(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """RFC 8936, 2.2. `max_events` 0 asks for no tokens: it only acknowledges."""

    max_events: Annotated[int, msgspec.Meta(ge=0)] | None = None
    return_immediately: bool = False
    ack: tuple[str, ...] = ()
    set_errs: dict[str, SetError] = msgspec.field(default_factory=dict)


class PollAnswer(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """RFC 8936, 2.3. `sets` are the tokens by their `jti`."""

    sets: dict[str, str]
    more_available: bool = False
