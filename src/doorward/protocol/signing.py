"""Ed25519 signatures of frames. Pure computation: keys come in as values."""

from __future__ import annotations

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from doorward.errors import DoorwardError
from doorward.protocol.link import Frame, SignedFrame

SigningKey = Ed25519PrivateKey
VerifyingKey = Ed25519PublicKey

_DOMAIN = b"doorward snapshot frame v1\x00"

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Frame)


def sign_frame(frame: Frame, key: SigningKey) -> SignedFrame:
    """`frame` signed with the snapshot key.

    The domain prefix keeps the signature from meaning anything outside this protocol.
    """
    payload = _encoder.encode(frame)
    return SignedFrame(payload=payload, signature=key.sign(_DOMAIN + payload))


def verify_frame(signed: SignedFrame, key: VerifyingKey) -> Frame:
    """The frame, where the snapshot key signed it. Raises DoorwardError `frame-refused`.

    Nothing of the payload is parsed before the signature holds.
    """
    try:
        key.verify(signed.signature, _DOMAIN + signed.payload)
    except InvalidSignature:
        raise DoorwardError("frame-refused", "A frame is not signed by the snapshot key.") from None
    try:
        return _decoder.decode(signed.payload)
    except (msgspec.DecodeError, RecursionError) as error:
        raise DoorwardError("frame-refused", "A signed frame cannot be read.") from error
