"""Verifies the identity assertions that gateways send to upstreams (ARCHITECTURE.md)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import msgspec
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from doorward.errors import DoorwardError
from doorward.model.ids import UnixSeconds
from doorward.protocol.ticket import ASSERTION_LIFETIME_SECONDS, AssertionClaims

_ALGORITHMS = ["ES256"]
_CLOCK_LEEWAY_SECONDS = 2


class AssertionVerifier:
    """Accepts what one of `keys()` signed for `issuer`; asked anew for the keys each time.

    `keys` answers public JWKs (RFC 7517), as `Gateways.assertion_keys` does.
    """

    def __init__(self, issuer: str, keys: Callable[[], Sequence[dict[str, str]]]) -> None:
        self._issuer = issuer
        self._keys = keys

    def verify(
        self, assertion: str, audiences: Collection[str], now: UnixSeconds
    ) -> AssertionClaims:
        """The claims of an assertion for one of `audiences`. Raises `not-authenticated`.

        1. One of the gateways' keys signed it, with ES256 and nothing else (RFC 8725, 3.1).
        2. It comes from our issuer and is meant for one of `audiences` (RFC 8725, 3.8 and 3.9).
        3. It was issued by now, and lives no longer than an assertion may.
        """
        claims = self._signed(assertion)
        if claims.iss != self._issuer or claims.aud not in audiences:
            raise _refused()
        if claims.iat > now + _CLOCK_LEEWAY_SECONDS or claims.exp <= now:
            raise _refused()
        if claims.exp - claims.iat > ASSERTION_LIFETIME_SECONDS:
            raise _refused()
        return claims

    def _signed(self, assertion: str) -> AssertionClaims:
        for jwk in self._keys():
            try:
                key = ECKey.import_key({**jwk})
                token = jws.deserialize_compact(assertion, key, _ALGORITHMS)
                return msgspec.json.decode(token.payload, type=AssertionClaims)
            except (JoseError, ValueError):
                continue
        raise _refused()


def _refused() -> DoorwardError:
    return DoorwardError(
        "not-authenticated",
        "This request does not say who it is from.",
        "Come through the gateway, or use the doorward command on the control plane's machine.",
    )
