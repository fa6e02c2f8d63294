"""A passkey device in software, honest unless told otherwise.

`create` and `get` answer the options of the server as a browser's script would send it. Whatever
they sign can be made wrong: origin, RP ID, challenge, user verification, sign count, frame. It
holds one passkey, signs ES256 and gives no attestation.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import dataclass, field

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url

_PRESENT, _VERIFIED, _ATTESTED = 0x01, 0x04, 0x40
_ES256 = {1: 2, 3: -7, -1: 1}


@dataclass
class SoftwareAuthenticator:
    origin: str
    rp_id: str
    verifies_user: bool = True
    sign_count: int = 0
    cross_origin: bool = False
    user_handle: bytes | None = None
    credential_id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )

    def create(self, options: dict[str, object]) -> dict[str, object]:
        """The answer to `navigator.credentials.create`."""
        user = options["user"]
        assert isinstance(user, dict)
        self.user_handle = base64url_to_bytes(user["id"])
        cose = self.cose()
        length = len(self.credential_id).to_bytes(2, "big")
        attested = bytes(16) + length + self.credential_id + cose
        statement = {
            "fmt": "none",
            "attStmt": {},
            "authData": self._authenticator_data(_ATTESTED) + attested,
        }
        return self._credential(
            clientDataJSON=self._client_data("webauthn.create", options),
            attestationObject=cbor2.dumps(statement),
        )

    def cose(self) -> bytes:
        """The public key (RFC 9053)."""
        numbers = self.key.public_key().public_numbers()
        return cbor2.dumps(
            {**_ES256, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")}
        )

    def get(self, options: dict[str, object]) -> dict[str, object]:
        """The answer to `navigator.credentials.get`."""
        client_data = self._client_data("webauthn.get", options)
        self.sign_count += 1
        data = self._authenticator_data(0)
        signed = data + hashlib.sha256(client_data).digest()
        return self._credential(
            clientDataJSON=client_data,
            authenticatorData=data,
            signature=self.key.sign(signed, ec.ECDSA(SHA256())),
            userHandle=self.user_handle or b"",
        )

    def _client_data(self, ceremony: str, options: dict[str, object]) -> bytes:
        return json.dumps(
            {
                "type": ceremony,
                "challenge": options["challenge"],
                "origin": self.origin,
                "crossOrigin": self.cross_origin,
            }
        ).encode()

    def _authenticator_data(self, flags: int) -> bytes:
        flags |= _PRESENT | (_VERIFIED if self.verifies_user else 0)
        rp_id_hash = hashlib.sha256(self.rp_id.encode()).digest()
        return rp_id_hash + bytes([flags]) + self.sign_count.to_bytes(4, "big")

    def _credential(self, **response: bytes) -> dict[str, object]:
        name = bytes_to_base64url(self.credential_id)
        answer: dict[str, object] = {k: bytes_to_base64url(v) for k, v in response.items() if v}
        return {"id": name, "rawId": name, "type": "public-key", "response": answer}
