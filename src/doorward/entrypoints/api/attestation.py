"""What the TPMs of devices proved, and accepting what they measure."""

from __future__ import annotations

from datetime import UTC, datetime

from fastapi import APIRouter

from doorward.administrator.devices.attestation.accept_measurements import accept_measurements
from doorward.administrator.devices.attestation.measurements import changed, measurement, standing
from doorward.administrator.devices.attestation.read_attestation import read_attestation
from doorward.entrypoints.api.bodies import Body
from doorward.entrypoints.api.context import Caller, Ports
from doorward.entrypoints.api.views import EffectView, View
from doorward.model.ids import DeviceId, UnixSeconds
from doorward.protocol.tpm.constants import PCR_WORDS

router = APIRouter(prefix="/devices/{device}/attestation", tags=["devices"])


class AcceptanceBody(Body):
    """The `measurement` that was looked at, and is accepted."""

    measurement: str


class RegisterView(View):
    """A register: what it measures, what counts as good, and what was measured last (hex)."""

    pcr: int
    measures: str
    accepted: str
    measured: str
    changed: bool


class AttestationView(View):
    """What a device's TPM proved. `why` says why it is not attested; digests are hex SHA-256.

    `measurement` stands for all registers as they were measured last. `accepted_at` and
    `measured_at` are None where that did not happen yet.
    """

    attested: bool
    why: str
    endorsement_key: str
    endorsement_certificate: str
    enrolled_at: datetime
    accepted_by: str
    accepted_at: datetime | None
    measured_at: datetime | None
    measurement: str
    starts: int
    registers: tuple[RegisterView, ...]


@router.get("")
async def attestation(ports: Ports, _: Caller, device: str) -> AttestationView:
    """What the device's TPM proved and measured."""
    record = await read_attestation(ports.control, DeviceId(device))
    found, others = standing(record, ports.clock()), changed(record)
    return AttestationView(
        attested=found.attested,
        why=found.why,
        endorsement_key=record.endorsement,
        endorsement_certificate=record.certificate,
        enrolled_at=datetime.fromtimestamp(record.since, UTC),
        accepted_by=record.reference_by,
        accepted_at=_moment(record.reference_at),
        measured_at=_moment(record.measured_at),
        measurement=measurement(record),
        starts=record.reset_count,
        registers=tuple(
            RegisterView(
                pcr=number,
                measures=words,
                accepted=record.reference.get(number, ""),
                measured=record.measured.get(number, ""),
                changed=number in others,
            )
            for number, words in PCR_WORDS.items()
        ),
    )


@router.post("/accept")
async def accept(ports: Ports, caller: Caller, device: str, body: AcceptanceBody) -> EffectView:
    """Let what the TPM measured last count as good from now on."""
    act = caller.act(ports.clock())
    done = await accept_measurements(ports.control, act, DeviceId(device), body.measurement)
    return EffectView.model_validate(done)


def _moment(at: UnixSeconds) -> datetime | None:
    return datetime.fromtimestamp(at, UTC) if at else None
