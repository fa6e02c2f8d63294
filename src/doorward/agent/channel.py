"""The messages of an enrolled device, one after the other, each signed, counted, with its nonce.

The counter is on the disk before a message is on its way, so that none is used twice, whatever
happens. A message without an answer goes out a second time, byte for byte, for it may have
arrived; without one again, the next message asks for a nonce first. So does the first message of
a process: with a nonce from a file, a state that came back from a backup would use a counter for
another message than before, and count as a clone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol, TypeVar

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

CATCH_UP: Final = 16
"""So many messages may a state be behind; with more, control takes it for an old copy."""
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
        self._nonce = ""
        self.state = folder.state()

    def send(self, what: str, write: Writer, kind: type[A]) -> A:
        """Send a message to `DEVICES/ID/what`, and return the answer.

        Raises UnansweredError and RefusedError, after which the next one may be sent, and
        IdentityEndedError, which is remembered.
        """
        if self.state.ended:
            raise _ended(self.state)
        try:
            if not self._nonce:
                self._ask_nonce()
            try:
                return self._counted(what, write, kind)
            except RefusedError as error:
                if error.code != _STALE:
                    raise
            self._ask_nonce()
            return self._counted(what, write, kind)
        except IdentityEndedError as error:
            self._save(ended=error.code)
            raise

    def _counted(self, what: str, write: Writer, kind: type[A]) -> A:
        counter, nonce = self.state.counter + 1, self._nonce
        self._nonce = ""
        self._save(counter=counter)
        path = self._path(what)
        body = msgspec.json.encode(write(counter, nonce))
        signature = signed(self._key, path, body)
        try:
            answer = decoded(self._control.post(path, body, signature), kind)
        except UnansweredError:
            answer = decoded(self._control.post(path, body, signature), kind)
        self._nonce = answer.nonce
        return answer

    def _ask_nonce(self) -> None:
        """A state from a backup is behind its device: its counter goes on until control agrees."""
        path = self._path("nonce")
        for tries_left in reversed(range(CATCH_UP)):
            body = msgspec.json.encode(NonceRequest(counter=self.state.counter, at=self._clock()))
            try:
                answer = self._control.post(path, body, signed(self._key, path, body))
            except RefusedError as error:
                if error.code != _BEHIND or not tries_left:
                    raise
                self._save(counter=self.state.counter + 1)
            else:
                self._nonce = decoded(answer, NonceGiven).nonce
                return

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
