"""JSON Web Tokens on joserfc (port `TokenSigner`)."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from doorward.administrator.openid_ports import SigningKey
from doorward.administrator.ports import Sealer
from doorward.model.estate import SigningAlgorithm
from doorward.model.ids import UnixSeconds
from doorward.protocol.openid.claims import Claims

RSA_BITS = 2048
_MAX_TOKEN_LENGTH = 8192
_CONTEXT = "signing-key:"

Key = RSAKey | ECKey


class JoseTokenSigner:
    """Signs with keys that are sealed in the store; opened ones stay in this process's memory."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer
        self._opened: dict[str, Key] = {}

    def generate(
        self, algorithm: SigningAlgorithm, now: UnixSeconds, active_from: UnixSeconds
    ) -> SigningKey:
        made: Key = (
            RSAKey.generate_key(RSA_BITS) if algorithm == "RS256" else ECKey.generate_key("P-256")
        )
        key_id = made.thumbprint()  # RFC 7638
        public = {name: str(value) for name, value in made.as_dict(private=False).items()}
        return SigningKey(
            id=key_id,
            algorithm=algorithm,
            public={**public, "kid": key_id, "alg": algorithm, "use": "sig"},
            sealed=self._sealer.seal(made.as_pem(private=True), _CONTEXT + key_id),
            created_at=now,
            active_from=active_from,
        )

    def sign(self, key: SigningKey, token_type: str, claims: Claims) -> str:
        header = {"alg": key.algorithm, "kid": key.id, "typ": token_type}
        return jwt.encode(header, claims, self._private(key), algorithms=[key.algorithm])

    def verified(self, token: str, keys: Sequence[SigningKey]) -> Claims | None:
        """See the port.

        1. The header names one of our keys, and that key's algorithm: never `none`, and never
           another than the key was made for (RFC 8725, 3.1).
        2. It is of type `JWT`: a logout token is no hint (RFC 8725, 3.11).
        3. That key signed it.
        """
        if len(token) > _MAX_TOKEN_LENGTH:
            return None
        try:
            header = jws.extract_compact(token.encode("ascii")).headers()
            key = next((key for key in keys if key.id == header.get("kid")), None)
            if key is None or header.get("alg") != key.algorithm:  # 1
                return None
            if header.get("typ") != "JWT":  # 2
                return None
            verified = jws.deserialize_compact(token, _public(key), [key.algorithm])  # 3
            return msgspec.json.decode(verified.payload, type=Claims)
        except (JoseError, ValueError, msgspec.DecodeError):
            return None

    def _private(self, key: SigningKey) -> Key:
        opened = self._opened.get(key.id)
        if opened is None:
            pem = self._sealer.open(key.sealed, _CONTEXT + key.id)
            kind = RSAKey if key.algorithm == "RS256" else ECKey
            opened = self._opened[key.id] = kind.import_key(pem)
        return opened


def _public(key: SigningKey) -> Key:
    if key.algorithm == "RS256":
        return RSAKey.import_key({**key.public})
    return ECKey.import_key({**key.public})
