"""Enrolment: a new key, a person who says whose device it is, and a name for the device."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
import msgspec

from doorward import __version__
from doorward.agent.channel import signed
from doorward.agent.control import Control, UnansweredError, decoded
from doorward.agent.files import write_atomically
from doorward.agent.key_choice import TpmUse, evidence_of, new_key
from doorward.agent.software_key import SoftwareKey
from doorward.agent.state import AgentState, StateFolder
from doorward.agent.tpm.key import TpmKey
from doorward.agent.tpm.transport import DEVICE
from doorward.errors import DoorwardError
from doorward.model.device import Platform
from doorward.protocol.agent import (
    ENROLMENTS,
    Enrolled,
    EnrolmentPoll,
    EnrolmentRequest,
    EnrolmentStarted,
    Pending,
)

MIN_POLL_SECONDS: Final = 0.2
MAX_POLL_SECONDS: Final = 60
MAX_WAIT_SECONDS: Final = 24 * 3600
_TRIES: Final = 5


@dataclass(frozen=True, slots=True)
class Wish:
    """What an enrolment asks for; with `code`, no person has to approve it."""

    name: str
    platform: Platform
    code: str = ""
    tpm: TpmUse = TpmUse.AUTO
    tpm_path: Path = DEVICE


def enrol(
    control: Control,
    folder: StateFolder,
    wish: Wish,
    show: Callable[[EnrolmentStarted, bytes], None],
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> AgentState:
    """Enrol this device with a key of its own, and keep who it is. Hold the folder's lock.

    `show` tells the person which code to type where, and the words of the key (SPKI, DER). The
    former identity stays until the new one counts. Raises what control refuses, and
    `agent-unapproved`.
    """
    key = new_key(wish.tpm, wish.tpm_path)
    try:
        enrolled = _enrolled(control, key, wish, show, sleep)
    except BaseException:
        _let_go(key)
        raise
    return _keep(folder, control.server, key, enrolled)


def _enrolled(
    control: Control,
    key: SoftwareKey | TpmKey,
    wish: Wish,
    show: Callable[[EnrolmentStarted, bytes], None],
    sleep: Callable[[float], None],
) -> Enrolled:
    answer = _asked(control, key, wish)
    if _names_device(answer):
        return decoded(answer, Enrolled)
    started = decoded(answer, EnrolmentStarted)
    if not wish.code:
        show(started, key.public_der)
    activated = b""
    if started.challenge is not None and isinstance(key, TpmKey):
        activated = key.activate(started.challenge)
    poll = msgspec.json.encode(EnrolmentPoll(activated=activated))
    return _approved(control, key, started, poll, sleep, time.monotonic() + MAX_WAIT_SECONDS)


def _asked(control: Control, key: SoftwareKey | TpmKey, wish: Wish) -> httpx.Response:
    """The request's answer. Where no TPM is believed, and none is required, its word is left out.

    The key stays in the TPM either way.
    """
    request = EnrolmentRequest(
        name=wish.name,
        platform=wish.platform,
        agent_version=__version__,
        public_key=key.public_der,
        code=wish.code,
        tpm=evidence_of(key, wish.tpm),
    )
    try:
        return _sent(control, key, request)
    except DoorwardError as error:
        if error.code != "attestation-unsupported" or wish.tpm is TpmUse.REQUIRED:
            raise
        return _sent(control, key, msgspec.structs.replace(request, tpm=None))


def _sent(control: Control, key: SoftwareKey | TpmKey, request: EnrolmentRequest) -> httpx.Response:
    body = msgspec.json.encode(request)
    return control.post(ENROLMENTS, body, signed(key, ENROLMENTS, body))


def _approved(
    control: Control,
    key: SoftwareKey | TpmKey,
    started: EnrolmentStarted,
    poll: bytes,
    sleep: Callable[[float], None],
    give_up_at: float,
) -> Enrolled:
    """Ask until the person has answered. Control says when it is too late, by its own clock."""
    path = f"{ENROLMENTS}/{started.enrolment}"
    interval, unanswered = started.interval_seconds, 0
    while time.monotonic() < give_up_at:
        try:
            answer = control.post(path, poll, signed(key, path, poll))
            if _names_device(answer):
                return decoded(answer, Enrolled)
            interval, unanswered = decoded(answer, Pending).interval_seconds, 0
        except UnansweredError:
            unanswered += 1
            if unanswered >= _TRIES:
                raise
        sleep(min(max(interval, MIN_POLL_SECONDS), MAX_POLL_SECONDS))
    raise DoorwardError("agent-unapproved", "Nobody approved this device in time.", "Begin again.")


def _names_device(answer: httpx.Response) -> bool:
    return "device" in decoded(answer, dict[str, object])


def _keep(
    folder: StateFolder, server: str, key: SoftwareKey | TpmKey, enrolled: Enrolled
) -> AgentState:
    """The key first: a state without its key would be worth nothing."""
    former = folder.state() if folder.enrolled() else None
    if isinstance(key, SoftwareKey):
        key.keep(folder.key)
    state = AgentState(
        server=server,
        device=enrolled.device,
        trust_domain=enrolled.trust_domain,
        storage=key.storage,
        tpm=key.state if isinstance(key, TpmKey) else None,
    )
    folder.save(state)
    if former is not None and former.tpm is not None:
        _let_go(TpmKey(former.tpm))
    return state


def _let_go(key: SoftwareKey | TpmKey) -> None:
    """A TPM has little room: keys that stand for no device are removed, where that works."""
    if isinstance(key, TpmKey):
        try:
            key.forget()
        except DoorwardError:
            return


def keep_server_ca(folder: StateFolder, ca: Path | None) -> Path | None:
    """Pin the server's CA for this device, and return where it is kept."""
    if ca is None:
        return folder.server_ca if folder.server_ca.exists() else None
    try:
        data = ca.read_bytes()
    except OSError as error:
        raise DoorwardError(
            "ca-invalid", f"{ca} cannot be read.", "Name doorward's server CA, as PEM."
        ) from error
    write_atomically(folder.server_ca, data, 0o644)
    return folder.server_ca
