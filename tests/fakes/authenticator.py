"""A passkey device in software, honest unless told otherwise.

`create` and `get` answer the options of the server as a browser's script would send it. Whatever
they sign can be made wrong: origin, RP ID, challenge, user verification, sign count, frame. It
holds one passkey and signs ES256. Given a `maker` (tests/fakes/attestation.py) it attests its
model in the `packed` format; `self_attests` signs the statement with the new key itself.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import dataclass, field
from uuid import UUID

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url

from tests.fakes.attestation import Maker

_PRESENT, _VERIFIED, _ELIGIBLE, _BACKED_UP, _ATTESTED = 0x01, 0x04, 0x08, 0x10, 0x40
NO_MODEL = "00000000-0000-0000-0000-000000000000"
_ES256 = {1: 2, 3: -7, -1: 1}


@dataclass
class SoftwareAuthenticator:
    origin: str
    rp_id: str
    verifies_user: bool = True
    sign_count: int = 0
    cross_origin: bool = False
    user_handle: bytes | None = None
    aaguid: str = NO_MODEL
    backup_eligible: bool = False
    backed_up: bool = False
    maker: Maker | None = None
    self_attests: bool = False
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
        attested = UUID(self.aaguid).bytes + length + self.credential_id + cose
        data = self._authenticator_data(_ATTESTED) + attested
        client_data = self._client_data("webauthn.create", options)
        statement = self._statement(data + hashlib.sha256(client_data).digest())
        return self._credential(
            clientDataJSON=client_data,
            attestationObject=cbor2.dumps(
                {
                    "fmt": "packed" if statement else "none",
                    "attStmt": statement,
                    "authData": data,
                }
            ),
        )

    def _statement(self, signed: bytes) -> dict[str, object]:
        """The `packed` attestation statement (WebAuthn 8.2), empty for none."""
        if self.maker is not None:
            key = self.maker.key
            return {"alg": -7, "sig": key.sign(signed, ec.ECDSA(SHA256())), "x5c": self.maker.chain}
        if self.self_attests:
            return {"alg": -7, "sig": self.key.sign(signed, ec.ECDSA(SHA256()))}
        return {}

    @property
    def name(self) -> str:
        """The passkey's id as the server has it."""
        return bytes_to_base64url(self.credential_id)

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
        flags |= (_ELIGIBLE if self.backup_eligible else 0) | (_BACKED_UP if self.backed_up else 0)
        rp_id_hash = hashlib.sha256(self.rp_id.encode()).digest()
        return rp_id_hash + bytes([flags]) + self.sign_count.to_bytes(4, "big")

    def _credential(self, **response: bytes) -> dict[str, object]:
        answer: dict[str, object] = {k: bytes_to_base64url(v) for k, v in response.items() if v}
        return {"id": self.name, "rawId": self.name, "type": "public-key", "response": answer}
