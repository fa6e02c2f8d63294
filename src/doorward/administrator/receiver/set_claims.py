"""What a security event token's claims must say (RFC 8417; SSF 1.0, 4). Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import msgspec

from doorward.administrator.federation.ports import VerifiedToken
from doorward.administrator.receiver.refusals import SetRefusedError
from doorward.model.ids import UnixSeconds
from doorward.protocol.signals.events import EVENTS, TOKEN_TYPE, Event

ALGORITHMS = ("RS256", "ES256")
CLOCK_LEEWAY_SECONDS = 60
"""How far a transmitter's clock may be from ours."""
MAX_AGE_SECONDS = 7 * 86_400
"""How long a token may be on its way; its `jti` is remembered for longer."""

_TYPES = frozenset({TOKEN_TYPE, f"application/{TOKEN_TYPE}"})
_JTI = re.compile(r"[!-~]{1,255}")
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,31}:[!-~]{1,500}")


@dataclass(frozen=True, slots=True)
class SecurityEvent:
    """What a token says. `event` is None for a type that nobody here knows.

    `at` is when it happened: the event's own timestamp, else the time of issue.
    """

    jti: str
    type: str
    event: Event | None
    subject: Mapping[str, object]
    at: UnixSeconds

    @property
    def name(self) -> str:
        """The last segment of the type."""
        return self.type.rpartition("/")[2]


def check_set(
    token: VerifiedToken, issuer: str, audiences: Collection[str], now: UnixSeconds
) -> SecurityEvent:
    """What a token whose signature is right says. Raises SetRefusedError.

    1. It is typed as a security event token, and is no other kind of token (RFC 8417, 2.3 and 4).
    2. It comes from the issuer of this stream, and is meant for this receiver.
    3. It has no `sub` and no `exp`: an ID or access token has (SSF 1.0, 4.1.6 and 4.1.7).
    4. It was issued lately, and not in the future.
    5. It has an id, exactly one event, and a subject.
    6. The event's payload is what its type says.
    """
    claims = token.claims
    if token.type.lower() not in _TYPES:
        raise SetRefusedError("invalid_request", "not-a-security-event-token")
    if claims.get("iss") != issuer:
        raise SetRefusedError("invalid_issuer", "issuer-wrong")
    _check_audience(claims.get("aud"), audiences)
    for name in ("sub", "exp"):
        if name in claims:
            raise SetRefusedError("invalid_request", f"{name}-present")
    issued_at = _moment(claims.get("iat"), "iat", now)
    if issued_at < now - MAX_AGE_SECONDS:
        raise SetRefusedError("invalid_request", "too-old")
    jti = claims.get("jti")
    if not isinstance(jti, str) or not _JTI.fullmatch(jti):
        raise SetRefusedError("invalid_request", "jti-malformed")
    uri, payload = _only_event(claims.get("events"))
    subject = claims.get("sub_id")
    if not isinstance(subject, dict) or not isinstance(subject.get("format"), str):
        raise SetRefusedError("invalid_request", "sub-id-malformed")
    event = _event(uri, payload)
    at = issued_at
    if event is not None and event.event_timestamp is not msgspec.UNSET:
        # One that lies ahead would make every later word of this transmitter look old.
        at = _moment(event.event_timestamp, "event-timestamp", now)
    return SecurityEvent(jti, uri, event, subject, at)


def _check_audience(audience: object, wanted: Collection[str]) -> None:
    named = audience if isinstance(audience, list) else [audience]
    if not all(isinstance(item, str) for item in named) or not set(named) & set(wanted):
        raise SetRefusedError("invalid_audience", "audience-wrong")


def _only_event(events: object) -> tuple[str, dict[str, object]]:
    if not isinstance(events, dict) or len(events) != 1:
        raise SetRefusedError("invalid_request", "not-one-event")
    ((uri, payload),) = events.items()
    if not _URI.fullmatch(uri) or not isinstance(payload, dict):
        raise SetRefusedError("invalid_request", "event-malformed")
    return uri, payload


def _event(uri: str, payload: dict[str, object]) -> Event | None:
    kind = EVENTS.get(uri)
    if kind is None:
        return None
    try:
        return msgspec.convert(payload, type=kind)
    except msgspec.ValidationError as error:
        raise SetRefusedError("invalid_request", "payload-malformed") from error


def _moment(value: object, name: str, now: UnixSeconds) -> UnixSeconds:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise SetRefusedError("invalid_request", f"{name}-malformed")
    # Compared first: an integer may be too large for a float. No comparison with NaN holds.
    if not 0 <= value <= now + CLOCK_LEEWAY_SECONDS:
        raise SetRefusedError("invalid_request", f"{name}-in-the-future")
    return float(value)
