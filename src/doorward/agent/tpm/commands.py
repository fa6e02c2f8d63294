"""The commands of TPM 2.0 that the agent gives (Part 3), as bytes.

Hierarchies and keys have no password: the operating system says who may use the TPM.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from doorward.agent.tpm.response import HANDLE, RETRY, TpmRefusedError
from doorward.agent.tpm.transport import Exchange
from doorward.protocol.tpm.attest import select
from doorward.protocol.tpm.constants import Algorithm
from doorward.protocol.tpm.wire import Reader, TpmDataError, number, sized

OWNER: Final = 0x40000001
ENDORSEMENT: Final = 0x4000000B

_NULL = 0x40000007
_PASSWORD = 0x40000009
_NO_SESSIONS, _SESSIONS = 0x8001, 0x8002
_HEADER_BYTES = 10
_TRIES, _PAUSE_SECONDS = 60, 0.05
_NV_PIECE_BYTES = 512
_MAX_NV_BYTES = 4096
_MAX_HANDLES = 254
_EMPTY = sized(b"")
_KEYS_SCHEME = number(Algorithm.NULL, 2)
_NO_TICKET = number(0x8024, 2) + number(_NULL, 4) + _EMPTY

Authorisation = bytes
NO_PASSWORD: Final[Authorisation] = number(_PASSWORD, 4) + _EMPTY + b"\x01" + _EMPTY


class Tpm:
    """A TPM at the other end of `exchange`. Every method raises `tpm-failed` where it refuses."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def create_primary(self, hierarchy: int, template: bytes) -> tuple[int, bytes]:
        """A key derived from the hierarchy's seed: its handle and its TPMT_PUBLIC."""
        no_secret = sized(_EMPTY + _EMPTY)
        body = no_secret + sized(template) + _EMPTY + number(0, 4)
        handle, answer = self._run(0x131, [hierarchy], body, [NO_PASSWORD], answers_handle=True)
        return handle, answer.sized()

    def persist(self, handle: int, persistent: int) -> None:
        """Keep the transient object at `handle` at `persistent` as well."""
        self._run(0x120, [OWNER, handle], number(persistent, 4), [NO_PASSWORD])

    def forget(self, persistent: int) -> None:
        """Keep it no longer; nothing happens where there is none."""
        try:
            self._run(0x120, [OWNER, persistent], number(persistent, 4), [NO_PASSWORD])
        except TpmRefusedError as error:
            if error.reason != HANDLE:
                raise

    def flush(self, handle: int) -> None:
        """Let go of a session or a transient object."""
        self._run(0x165, [], number(handle, 4))

    def handles(self, start: int) -> Sequence[int]:
        """Those in use of the kind of `start`, from there on."""
        body = number(1, 4) + number(start, 4) + number(_MAX_HANDLES, 4)
        _, answer = self._run(0x17A, [], body)
        answer.take(5)  # moreData, capability
        return [answer.number(4) for _ in range(min(answer.number(4), _MAX_HANDLES))]

    def read_public(self, handle: int) -> bytes | None:
        """The TPMT_PUBLIC of a key; None where there is none."""
        try:
            return self._run(0x173, [handle], b"")[1].sized()
        except TpmRefusedError as error:
            if error.reason == HANDLE:
                return None
            raise

    def read_nv(self, index: int) -> bytes | None:
        """What stands at an NV index that anyone may read; None where there is none."""
        try:
            _, answer = self._run(0x169, [index], b"")
        except TpmRefusedError as error:
            if error.reason == HANDLE:
                return None
            raise
        size = int.from_bytes(answer.sized()[-2:], "big")
        if size > _MAX_NV_BYTES:
            raise TpmDataError("An NV index is longer than a certificate.")
        found = b""
        while len(found) < size:
            piece = min(size - len(found), _NV_PIECE_BYTES)
            body = number(piece, 2) + number(len(found), 2)
            found += self._run(0x14E, [index, index], body, [NO_PASSWORD])[1].sized()
        return found

    def certify(self, key: int, signer: int, data: bytes) -> tuple[bytes, bytes]:
        """What the TPM says of `key`, signed by `signer`: TPMS_ATTEST and TPMT_SIGNATURE."""
        body = sized(data) + _KEYS_SCHEME
        _, answer = self._run(0x148, [key, signer], body, [NO_PASSWORD, NO_PASSWORD])
        return answer.sized(), answer.rest()

    def quote(self, signer: int, data: bytes, pcrs: tuple[int, ...]) -> tuple[bytes, bytes]:
        """What the TPM says of registers, signed by `signer`: TPMS_ATTEST and TPMT_SIGNATURE."""
        body = sized(data) + _KEYS_SCHEME + select(pcrs)
        _, answer = self._run(0x158, [signer], body, [NO_PASSWORD])
        return answer.sized(), answer.rest()

    def read_pcrs(self, pcrs: tuple[int, ...]) -> dict[int, bytes]:
        """The values of at most eight registers of the SHA-256 bank."""
        _, answer = self._run(0x17E, [], select(pcrs))
        answer.take(4)  # pcrUpdateCounter
        if answer.take(len(select(pcrs))) != select(pcrs) or answer.number(4) != len(pcrs):
            raise TpmDataError("The TPM keeps no SHA-256 bank of its registers.")
        return {place: answer.sized() for place in pcrs}

    def sign(self, key: int, digest: bytes) -> bytes:
        """The TPMT_SIGNATURE of an unrestricted key over a digest."""
        body = sized(digest) + _KEYS_SCHEME + _NO_TICKET
        return self._run(0x15D, [key], body, [NO_PASSWORD])[1].rest()

    def activate(self, key: int, endorsement: int, blob: bytes, secret: bytes) -> bytes:
        """What is in a credential for `key` in the TPM with this endorsement key.

        The endorsement key is used by a policy: whoever may use the endorsement hierarchy may.
        """
        body = sized(os.urandom(16)) + _EMPTY + b"\x01" + _KEYS_SCHEME + number(Algorithm.SHA256, 2)
        session, _ = self._run(0x176, [_NULL, _NULL], body, answers_handle=True)
        try:
            body = _EMPTY * 3 + number(0, 4)
            self._run(0x151, [ENDORSEMENT, session], body, [NO_PASSWORD])
            policy = number(session, 4) + _EMPTY + b"\x01" + _EMPTY
            _, answer = self._run(0x147, [key, endorsement], blob + secret, [NO_PASSWORD, policy])
            return answer.sized()
        finally:
            with suppress(TpmRefusedError):
                self.flush(session)

    def _run(
        self,
        command: int,
        handles: Sequence[int],
        body: bytes,
        authorisations: Sequence[Authorisation] = (),
        *,
        answers_handle: bool = False,
    ) -> tuple[int, Reader]:
        """The handle (0 where it answers with none) and the parameters of the response."""
        tag = _SESSIONS if authorisations else _NO_SESSIONS
        area = b"".join(authorisations)
        places = b"".join(number(handle, 4) for handle in handles)
        rest = places + (number(len(area), 4) + area if authorisations else b"") + body
        message = number(tag, 2) + number(_HEADER_BYTES + len(rest), 4) + number(command, 4) + rest
        response = Reader(self._sent(message))
        response.take(_HEADER_BYTES)
        handle = response.number(4) if answers_handle else 0
        if not authorisations:
            return handle, response
        return handle, Reader(response.take(response.number(4)))

    def _sent(self, message: bytes) -> bytes:
        for _ in range(_TRIES):
            response = self._exchange(message)
            code = int.from_bytes(response[6:_HEADER_BYTES], "big")
            if code not in RETRY:
                break
            time.sleep(_PAUSE_SECONDS)
        if len(response) < _HEADER_BYTES:
            raise TpmDataError("The TPM's response ends too early.")
        if code:
            raise TpmRefusedError(code)
        return response
