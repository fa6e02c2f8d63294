"""The messages of an enrolled device, one after the other, each signed, counted, with its nonce.

The counter is on the disk before a message is on its way, so that none is used twice, whatever
happens. A message without an answer goes out a second time, byte for byte, for it may have
arrived; without one again, the next message asks for a nonce first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

import msgspec

from doorward.agent.control import (
    Control,
    IdentityEndedError,
    RefusedError,
    UnansweredError,
    decoded,
)
from doorward.agent.keys import DeviceKey
from doorward.agent.state import AgentState, StateFolder
from doorward.model.ids import UnixSeconds
from doorward.protocol.agent import (
    DEVICES,
    NonceGiven,
    NonceRequest,
    signature_text,
    signed_bytes,
)


class Answered(Protocol):
    """Every answer to a counted message brings the nonce for the next."""

    @property
    def nonce(self) -> str: ...


A = TypeVar("A", bound=Answered)

Writer = Callable[[int, str], msgspec.Struct]
"""Makes a message of its counter and its nonce."""

_BEHIND = "message-replayed"
_STALE = "nonce-stale"


class Channel:
    """Speaks for the device whose state `folder` holds. Only one may be in use: hold its lock."""

    def __init__(
        self,
        control: Control,
        key: DeviceKey,
        folder: StateFolder,
        clock: Callable[[], UnixSeconds],
    ) -> None:
        self._control = control
        self._key = key
        self._folder = folder
        self._clock = clock
        self.state = folder.state()

    def send(self, what: str, write: Writer, kind: type[A]) -> A:
        """Send a message to `DEVICES/ID/what`, and return the answer.

        Raises UnansweredError and RefusedError, after which the next one may be sent, and
        IdentityEndedError, which is remembered.
        """
        if self.state.ended:
            raise _ended(self.state)
        try:
            if not self.state.nonce:
                self._ask_nonce()
            try:
                return self._counted(what, write, kind)
            except RefusedError as error:
                if error.code != _STALE:
                    raise
            self._ask_nonce()
            return self._counted(what, write, kind)
        except IdentityEndedError as error:
            self._save(nonce="", ended=error.code)
            raise

    def _counted(self, what: str, write: Writer, kind: type[A]) -> A:
        counter, nonce = self.state.counter + 1, self.state.nonce
        self._save(counter=counter, nonce="")
        path = self._path(what)
        body = msgspec.json.encode(write(counter, nonce))
        signature = signed(self._key, path, body)
        try:
            answer = decoded(self._control.post(path, body, signature), kind)
        except UnansweredError:
            answer = decoded(self._control.post(path, body, signature), kind)
        self._save(nonce=answer.nonce)
        return answer

    def _ask_nonce(self) -> None:
        """A state from a backup is behind its device: the counter goes on until control agrees."""
        try:
            self._save(nonce=self._nonce())
        except RefusedError as error:
            if error.code == _BEHIND:
                self._save(counter=self.state.counter + 1, nonce="")
            raise

    def _nonce(self) -> str:
        path = self._path("nonce")
        body = msgspec.json.encode(NonceRequest(counter=self.state.counter, at=self._clock()))
        answer = self._control.post(path, body, signed(self._key, path, body))
        return decoded(answer, NonceGiven).nonce

    def _path(self, what: str) -> str:
        return f"{DEVICES}/{self.state.device}/{what}"

    def _save(self, **changes: int | str) -> None:
        self.state = msgspec.structs.replace(self.state, **changes)
        self._folder.save(self.state)


def signed(key: DeviceKey, path: str, body: bytes) -> str:
    """The signature of a message, as its header carries it."""
    return signature_text(key.sign(signed_bytes(path, body)))


def _ended(state: AgentState) -> IdentityEndedError:
    return IdentityEndedError(
        state.ended,
        "This device counts no more.",
        "Enrol it again: doorward agent enrol --again.",
    )
