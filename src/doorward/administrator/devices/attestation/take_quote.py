"""Take the quote of a report: what the record becomes, and what the report's facts are worth."""

from __future__ import annotations

import msgspec

from doorward.administrator.control_plane import Act
from doorward.administrator.devices.attestation.measurements import Standing, measured, standing
from doorward.administrator.devices.attestation.verify_quote import verify_quote
from doorward.administrator.fleet.attestation import AttestationRecord
from doorward.administrator.ports import Transaction
from doorward.errors import DoorwardError
from doorward.model.device import Device
from doorward.model.ids import UnixSeconds
from doorward.model.posture import Trust
from doorward.model.snapshot import Change, change
from doorward.protocol.agent import Report

_REFUSALS = frozenset({"attestation-refused", "tpm-data-malformed"})


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """The record as it is now; whether the quote held, and whether the device is attested."""

    record: AttestationRecord
    held: bool
    standing: Standing


def judge_quote(record: AttestationRecord, report: Report, at: UnixSeconds) -> Judgement:
    """What `report`, which was accepted, says of its device's boot.

    A quote that does not hold changes nothing that was measured; the device is no longer
    attested, by its own word. A report without a quote changes nothing at all.
    """
    if report.quote is None:
        return Judgement(record=record, held=False, standing=standing(record, at))
    try:
        after, held = measured(record, verify_quote(record, report), at), True
    except DoorwardError as error:
        if error.code not in _REFUSALS:
            raise
        after, held = msgspec.structs.replace(record, refused=error.detail), False
    return Judgement(record=after, held=held, standing=standing(after, at))


def trust_of_report(judgement: Judgement | None) -> Trust:
    """What the facts of an accepted report are worth; None for a device without attestation.

    They are quoted where the device is attested by the quote that this report holds.
    """
    if judgement is not None and judgement.held and judgement.standing.attested:
        return Trust.QUOTED
    return Trust.SIGNED


async def take_quote(
    transaction: Transaction, device: Device, report: Report, act: Act
) -> tuple[Judgement | None, list[Change]]:
    """Judge the quote of an accepted report, keep what follows, and say what is to be published.

    None for a device whose TPM proved nothing. What turns is audited: a quote that is refused
    for a new reason, and a device that is attested, or no longer.
    """
    table = transaction.devices.attestations
    record = await table.get(device.id)
    if record is None:
        return None, []
    judgement = judge_quote(record, report, act.at)
    if judgement.record != record:
        await table.put([judgement.record])
    if judgement.record.refused and judgement.record.refused != record.refused:
        await _audit(transaction, device, act, "quote-refused", judgement.record.refused)
    return judgement, await turned(transaction, device, judgement.standing, act)


async def turned(
    transaction: Transaction, device: Device, found: Standing, act: Act
) -> list[Change]:
    """What is to be published where the device is attested now and was not, or the other way."""
    if device.attested == found.attested:
        return []
    name = "device-attested" if found.attested else "device-not-attested"
    await _audit(transaction, device, act, name, found.why)
    return [change("device", msgspec.structs.replace(device, attested=found.attested))]


async def _audit(transaction: Transaction, device: Device, act: Act, name: str, why: str) -> None:
    await transaction.audit.append(
        at=act.at,
        actor=act.actor,
        act=name,
        target=f"device:{device.id}",
        detail={"reason": why} if why else {},
    )
