"""Signs tickets and assertions as compact JWTs (RFC 7515, ES256), each with its own fresh key."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from hashlib import sha256

import msgspec
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from doorward.protocol.ticket import AssertionClaims, TicketClaims

_COORDINATE_BYTES = 32

_encoder = msgspec.json.Encoder()


class Es256Signer:
    """An ECDSA P-256 key that is made here, lives in memory only and dies with the process."""

    def __init__(self, token_type: str = "") -> None:
        """`token_type` becomes the header's `typ`, so that no token passes as one of another type.

        Without it the header names the algorithm only: the shortest token, for a verifier that
        has this key alone.
        """
        self._key = ec.generate_private_key(ec.SECP256R1())
        numbers = self._key.public_key().public_numbers()
        public = {
            "crv": "P-256",
            "kty": "EC",
            "x": _base64url(numbers.x.to_bytes(_COORDINATE_BYTES, "big")).decode(),
            "y": _base64url(numbers.y.to_bytes(_COORDINATE_BYTES, "big")).decode(),
        }
        self._key_id = _base64url(sha256(_encoder.encode(public)).digest()).decode()  # RFC 7638
        self._public = public
        header = {"alg": "ES256"}
        if token_type:
            header |= {"kid": self._key_id, "typ": token_type}
        self._header = _base64url(_encoder.encode(header)) + b"."
        self._algorithm = ec.ECDSA(hashes.SHA256())

    @property
    def jwk(self) -> dict[str, str]:
        """The public key (RFC 7517)."""
        return {**self._public, "alg": "ES256", "kid": self._key_id, "use": "sig"}

    def sign(self, claims: TicketClaims | AssertionClaims) -> str:
        """The token that carries `claims`; about 50 microseconds."""
        signed = self._header + _base64url(_encoder.encode(claims))
        r, s = decode_dss_signature(self._key.sign(signed, self._algorithm))
        signature = r.to_bytes(_COORDINATE_BYTES, "big") + s.to_bytes(_COORDINATE_BYTES, "big")
        return (signed + b"." + _base64url(signature)).decode()


def _base64url(data: bytes) -> bytes:
    return urlsafe_b64encode(data).rstrip(b"=")
