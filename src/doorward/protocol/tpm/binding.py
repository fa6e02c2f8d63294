"""What a TPM's statement is tied to: the data that it signs along (extraData)."""

from __future__ import annotations

import hashlib

import msgspec

from doorward.protocol.agent import Report

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Report] = msgspec.json.Decoder(Report)


def enrolled_data(public_key: bytes) -> bytes:
    """What ties the certification of a key (SPKI, DER) to an enrolment with it.

    The request itself is signed with that key, so no other request goes with the evidence.
    """
    return hashlib.sha256(b"doorward enrolment 1\n" + public_key).digest()


def quoted_data(report: Report) -> bytes:
    """What ties a quote to all else of its report: counter, nonce, time and facts.

    It is taken of the JSON that a report becomes once it was sent and read, so that both ends
    agree on it.
    """
    bare = msgspec.structs.replace(report, quote=None)
    sent = _encoder.encode(_decoder.decode(_encoder.encode(bare)))
    return hashlib.sha256(b"doorward quote 1\n" + sent).digest()
