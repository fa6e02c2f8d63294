"""Where a device's key is kept: in its TPM where it has one that works, else in a file."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from doorward.agent.keys import DeviceKey
from doorward.agent.software_key import SoftwareKey
from doorward.agent.state import AgentState, StateFolder
from doorward.agent.tpm.key import TpmKey
from doorward.agent.tpm.transport import DEVICE, present
from doorward.errors import DoorwardError
from doorward.protocol.agent import TpmEvidence


class TpmUse(StrEnum):
    """Whether a new key goes into the TPM."""

    AUTO = "auto"
    OFF = "off"
    REQUIRED = "required"


def new_key(use: TpmUse, tpm: Path = DEVICE) -> SoftwareKey | TpmKey:
    """A key that no enrolment had before.

    Raises `tpm-missing` and `tpm-failed` where the TPM is required.
    """
    if use is TpmUse.OFF or (use is TpmUse.AUTO and not present(tpm)):
        return SoftwareKey.create()
    try:
        return TpmKey.create(tpm)
    except DoorwardError:
        if use is TpmUse.REQUIRED:
            raise
        return SoftwareKey.create()


def evidence_of(key: SoftwareKey | TpmKey, use: TpmUse) -> TpmEvidence | None:
    """What a TPM says of the key; None where it cannot, or there is none."""
    if isinstance(key, SoftwareKey):
        return None
    try:
        return key.evidence()
    except DoorwardError:
        if use is TpmUse.REQUIRED:
            raise
        return None


def kept_key(state: AgentState, folder: StateFolder, tpm: Path = DEVICE) -> DeviceKey:
    """The key of an enrolled device. Raises `agent-key-unusable`."""
    if state.tpm is not None:
        return TpmKey(state.tpm, tpm)
    return SoftwareKey.load(folder.key)
