"""Take the quote of a report: what is known of the TPM then, and what the facts are worth."""

from __future__ import annotations

from typing import Final

import msgspec

from doorward.administrator.control_plane import Act, ControlPlane
from doorward.administrator.devices.attestation.measurements import Standing, measured, standing
from doorward.administrator.devices.attestation.read_attestation import attestation_of
from doorward.administrator.devices.attestation.verify_quote import verify_quote
from doorward.administrator.fleet.attestation import AttestationRecord
from doorward.administrator.fleet.last_quotes import LastQuote, LastQuotes
from doorward.administrator.ports import Transaction
from doorward.administrator.targets import device_named
from doorward.errors import DoorwardError
from doorward.model.device import Device
from doorward.model.ids import DeviceId, UnixSeconds
from doorward.model.posture import Trust
from doorward.model.snapshot import Change, change
from doorward.protocol.agent import Report

KEEP_SECONDS: Final = 600
"""A quote that tells nothing new is written so often, not each time."""

_REFUSALS = frozenset({"attestation-refused", "tpm-data-malformed"})


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """The record as it is now; whether the quote held, and whether the device is attested."""

    record: AttestationRecord
    held: bool
    standing: Standing


def judge_quote(record: AttestationRecord, report: Report, at: UnixSeconds) -> Judgement:
    """What the quote of `report`, which was accepted, says of its device's boot.

    One that does not hold changes nothing that was measured, and by its own word the device is
    attested no longer.
    """
    try:
        after, held = measured(record, verify_quote(record, report), at), True
    except DoorwardError as error:
        if error.code not in _REFUSALS:
            raise
        after, held = msgspec.structs.replace(record, refused=error.detail), False
    return Judgement(record=after, held=held, standing=standing(after, at))


def trust_of_report(judgement: Judgement | None) -> Trust:
    """What the facts of an accepted report are worth; None for one without a quote that counts.

    They are quoted where the device is attested by the quote that this very report holds.
    """
    if judgement is not None and judgement.held and judgement.standing.attested:
        return Trust.QUOTED
    return Trust.SIGNED


async def take_quote(
    control: ControlPlane, quotes: LastQuotes, act: Act, device: DeviceId, report: Report
) -> Trust:
    """Judge the quote of an accepted report, keep what follows, and say what its facts are worth.

    What turns is audited and published: a quote that is refused for a new reason, and a device
    that is attested, or no longer. A device whose TPM proved nothing at enrolment gains nothing
    by a quote. Raises DoorwardError `device-unknown`.
    """
    if report.quote is None:
        return trust_of_report(None)
    known = _unchanged(control, quotes, act, device, report)
    if known is not None:
        return trust_of_report(known)
    async with control.store.transaction() as transaction:
        found = await device_named(transaction, device)
        record = await attestation_of(transaction, found)
        if record is None:
            return trust_of_report(None)
        judgement = judge_quote(record, report, act.at)
        after = judgement.record
        written = after if _says_something_new(record, after) else record
        if written is after:
            await transaction.devices.attestations.put([after])
        if after.refused and after.refused != record.refused:
            await _audit(transaction, found, act, "quote-refused", after.refused)
        changes = await turned(transaction, found, judgement.standing, act)
        await transaction.snapshot.publish(changes)
    document = msgspec.structs.replace(found, attested=judgement.standing.attested)
    quotes.keep(LastQuote(document, written, after))
    return trust_of_report(judgement)


def _unchanged(
    control: ControlPlane, quotes: LastQuotes, act: Act, device: DeviceId, report: Report
) -> Judgement | None:
    """The judgement of a quote that once more proves what is known; None of any other."""
    document = control.live.current.devices.get(device)
    known = quotes.of(document) if document is not None else None
    if document is None or known is None:
        return None
    judgement = judge_quote(known.latest, report, act.at)
    proved = judgement.held and judgement.standing.attested
    if not proved or _says_something_new(known.written, judgement.record):
        return None
    quotes.keep(LastQuote(document, known.written, judgement.record))
    return judgement


async def turned(
    transaction: Transaction, device: Device, found: Standing, act: Act
) -> list[Change]:
    """What is to be published where the device is attested now and was not, or the other way."""
    if device.attested == found.attested:
        return []
    name = "device-attested" if found.attested else "device-not-attested"
    await _audit(transaction, device, act, name, found.why)
    return [change("device", msgspec.structs.replace(device, attested=found.attested))]


def _says_something_new(before: AttestationRecord, after: AttestationRecord) -> bool:
    return (
        (before.measured, before.refused) != (after.measured, after.refused)
        or before.reset_count != after.reset_count
        or after.measured_at >= before.measured_at + KEEP_SECONDS
    )


async def _audit(transaction: Transaction, device: Device, act: Act, name: str, why: str) -> None:
    await transaction.audit.append(
        at=act.at,
        actor=act.actor,
        act=name,
        target=f"device:{device.id}",
        detail={"reason": why} if why else {},
    )
