"""Signatures of JWTs that providers sent (port `TokenVerifier`), with joserfc."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence

import msgspec
from joserfc import jws
from joserfc.errors import JoseError, UnsupportedAlgorithmError
from joserfc.jwa import JWSAlgModel
from joserfc.jwk import ECKey, OKPKey, RSAKey

from doorward.administrator.federation.ports import UnverifiedToken, VerifiedToken
from doorward.administrator.federation.refusals import FederationRejectedError

MAX_LENGTH = 64 * 1024
MIN_RSA_BITS = 2048

_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_KINDS: Mapping[str, tuple[str, type[RSAKey | ECKey | OKPKey]]] = {
    "RS": ("RSA", RSAKey),
    "PS": ("RSA", RSAKey),
    "ES": ("EC", ECKey),
    "Ed": ("OKP", OKPKey),
}
"""The key type of each family of algorithms: none where a key that is known could sign."""
_CURVES = {
    "ES256": "P-256",
    "ES384": "P-384",
    "ES512": "P-521",
    "Ed25519": "Ed25519",
    "EdDSA": "Ed25519",
}


class _Header(msgspec.Struct, frozen=True):
    alg: str
    kid: str = ""
    typ: str = ""
    crit: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    b64: bool = True


class _OneAlgorithm(jws.JWSRegistry):
    """joserfc's checks for one algorithm: an empty list would mean its defaults, HS256 among them.

    It says nothing of names that RFC 9864 deprecates, since providers use them still.
    """

    max_header_length = MAX_LENGTH
    max_payload_length = MAX_LENGTH

    def __init__(self, algorithm: str) -> None:
        super().__init__(algorithms=[algorithm], strict_check_header=False)
        self._algorithm = algorithm

    def get_alg(self, name: str) -> JWSAlgModel:
        if name != self._algorithm or name not in self.algorithms:
            raise UnsupportedAlgorithmError
        return self.algorithms[name]


class JoseTokens:
    """Verifies with the one key that a token's header names, or the only one that fits."""

    def read(self, token: str) -> UnverifiedToken:
        if len(token) > MAX_LENGTH or not _COMPACT.fullmatch(token):
            raise FederationRejectedError("token-malformed")
        try:
            header = msgspec.json.decode(_decoded(token.partition(".")[0]), type=_Header)
        except (msgspec.DecodeError, RecursionError, ValueError):
            raise FederationRejectedError("token-malformed") from None
        # Nothing that must be understood is understood here (RFC 7515, 4.1.11).
        if header.crit is not msgspec.UNSET or not header.b64:
            raise FederationRejectedError("token-malformed")
        return UnverifiedToken(text=token, algorithm=header.alg, key_id=header.kid, type=header.typ)

    def verify(
        self,
        token: UnverifiedToken,
        keys: Sequence[Mapping[str, object]],
        algorithms: Sequence[str],
    ) -> VerifiedToken:
        if token.algorithm not in algorithms or token.algorithm[:2] not in _KINDS:
            raise FederationRejectedError("algorithm-refused")
        key = _key(token, keys)
        registry = _OneAlgorithm(token.algorithm)
        try:
            signed = jws.deserialize_compact(token.text, key, registry=registry)
            claims = msgspec.json.decode(signed.payload, type=dict[str, object])
        except (JoseError, msgspec.DecodeError, RecursionError, ValueError, TypeError):
            raise FederationRejectedError("signature-wrong") from None
        return VerifiedToken(type=token.type, algorithm=token.algorithm, claims=claims)


def _key(token: UnverifiedToken, keys: Sequence[Mapping[str, object]]) -> RSAKey | ECKey | OKPKey:
    """The key to verify with. Raises FederationRejectedError where none, or no single one, fits."""
    fitting = [jwk for jwk in keys if _fits(token, jwk)]
    if len(fitting) != 1:
        raise FederationRejectedError("key-unknown")
    kind = _KINDS[token.algorithm[:2]][1]
    try:
        if kind is RSAKey and _bits(fitting[0].get("n")) < MIN_RSA_BITS:
            raise FederationRejectedError("key-too-short")
        key = kind.import_key(_public(fitting[0]))
    except (JoseError, ValueError, TypeError, binascii.Error):
        raise FederationRejectedError("key-malformed") from None
    return key


def _bits(modulus: object) -> int:
    return int.from_bytes(_decoded(str(modulus))).bit_length()


_MEMBERS = frozenset({"kty", "n", "e", "crv", "x", "y"})
"""What a public key is made of (RFC 7518, 6; RFC 8037, 2)."""


def _public(jwk: Mapping[str, object]) -> dict[str, str | list[str]]:
    return {name: str(value) for name, value in jwk.items() if name in _MEMBERS}


def _fits(token: UnverifiedToken, jwk: Mapping[str, object]) -> bool:
    kty, _ = _KINDS[token.algorithm[:2]]
    curve = _CURVES.get(token.algorithm)
    return (
        jwk.get("kty") == kty
        and (not token.key_id or jwk.get("kid") == token.key_id)
        and jwk.get("use", "sig") == "sig"
        and jwk.get("alg", token.algorithm) == token.algorithm
        and (curve is None or jwk.get("crv") == curve)
    )


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
