"""Each rule of `verify_quote` broken one at a time, and what a device's measurements mean."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import msgspec
import pytest

from doorward.administrator.devices.attestation.measurements import (
    LEARN_SECONDS,
    LIFETIME_SECONDS,
    accepted,
    changed,
    measurement,
    standing,
)
from doorward.administrator.devices.attestation.take_quote import (
    Judgement,
    judge_quote,
    trust_of_report,
)
from doorward.administrator.devices.attestation.verify_quote import verify_quote
from doorward.administrator.fleet.attestation import AttestationRecord
from doorward.model.ids import DeviceId
from doorward.model.posture import Trust
from doorward.protocol.agent import Quote, Report
from doorward.protocol.tpm.attest import digest_of
from doorward.protocol.tpm.binding import quoted_data
from doorward.protocol.tpm.constants import OWNER, PCRS
from doorward.protocol.tpm.public_area import encode_public, qualified_name
from tests.fakes.tpm import AT, CLEAN, Maker, PaperTpm, a_report, signature_by, with_quote

TPM = PaperTpm(Maker())


def record_of(tpm: PaperTpm) -> AttestationRecord:
    return AttestationRecord(
        device=DeviceId("laptop"),
        endorsement="ee",
        certificate="cc",
        ak_public=tpm.ak_public,
        key=hashlib.sha256(tpm.public_der).hexdigest(),
        since=AT,
    )


def judged(record: AttestationRecord, tpm: PaperTpm, at: float, counter: int = 1) -> Judgement:
    return judge_quote(record, with_quote(tpm, a_report(counter, f"nonce-{counter}")), at)


def test_an_honest_quote_holds() -> None:
    found = verify_quote(record_of(TPM), with_quote(TPM, a_report()))
    assert found.pcrs == dict.fromkeys(PCRS, "00" * 32)
    assert found.reset_count == TPM.reset_count


def signed(report: Report, attest: bytes, **changes: object) -> Report:
    quote = Quote(attest=attest, signature=signature_by(TPM.ak_key, attest), pcrs=dict(CLEAN))
    return msgspec.structs.replace(
        report,
        quote=msgspec.structs.replace(quote, **changes),
    )


def of_another_key(report: Report) -> Report:
    return with_quote(PaperTpm(Maker()), report)


def changed_after_signing(report: Report) -> Report:
    attest = TPM.quoted(quoted_data(report))
    return signed(report, attest[:-1] + b"\x01", signature=signature_by(TPM.ak_key, attest))


def a_certificate(report: Report) -> Report:
    public = encode_public(TPM.key_area)
    return signed(report, TPM.certified(public, quoted_data(report)))


def of_another_hierarchy(report: Report) -> Report:
    signer = qualified_name(OWNER, TPM.ak_public)
    return signed(report, TPM.quoted(quoted_data(report), signer=signer))


def of_another_nonce(report: Report) -> Report:
    return signed(report, TPM.quoted(quoted_data(a_report(1, "nonce-0"))))


def without_binding(report: Report) -> Report:
    return signed(report, TPM.quoted(b""))


def of_fewer_registers(report: Report) -> Report:
    few = {number: CLEAN[number] for number in range(7)}
    attest = TPM.quoted(quoted_data(report), few, chosen=tuple(few))
    return signed(report, attest, pcrs=few)


def with_fewer_values(report: Report) -> Report:
    few = {number: CLEAN[number] for number in range(7)}
    return signed(report, TPM.quoted(quoted_data(report)), pcrs=few)


def with_shifted_values(report: Report) -> Report:
    """The same bytes in a row, cut at other places."""
    joined = b"".join(CLEAN.values())
    parts = {number: joined[number * 31 : (number + 1) * 31] for number in range(7)}
    parts[7] = joined[7 * 31 :]
    assert digest_of(parts) == digest_of(CLEAN)
    return signed(report, TPM.quoted(quoted_data(report)), pcrs=parts)


def with_other_values(report: Report) -> Report:
    other = {**CLEAN, 7: b"\x01" * 32}
    return signed(report, TPM.quoted(quoted_data(report)), pcrs=other)


def with_no_quote(report: Report) -> Report:
    return report


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (of_another_key, "did not sign"),
        (changed_after_signing, "did not sign"),
        (a_certificate, "about a key, not about registers"),
        (of_another_hierarchy, "Another key than the attestation key"),
        (of_another_nonce, "another report"),
        (without_binding, "another report"),
        (of_fewer_registers, "not about PCRs 0 to 7"),
        (with_fewer_values, "does not hold PCRs 0 to 7"),
        (with_shifted_values, "does not hold PCRs 0 to 7"),
        (with_other_values, "other values"),
        (with_no_quote, "no quote"),
    ],
)
def test_a_quote_that_breaks_a_rule_changes_nothing_that_was_measured(
    change: Callable[[Report], Report], why: str
) -> None:
    good = judged(record_of(TPM), TPM, AT + 1).record
    found = judge_quote(good, change(a_report(2, "nonce-2")), AT + 2)
    assert not found.held
    assert why in found.record.refused
    assert why in found.standing.why
    assert not found.standing.attested
    assert msgspec.structs.replace(found.record, refused="") == good
    assert trust_of_report(found) is Trust.SIGNED


@pytest.mark.parametrize(
    ("reset_count", "restart_count", "clock", "held"),
    [
        (5, 5, 4999, True),
        (5, 5, 5001, True),
        (5, 6, 10, True),
        (6, 0, 10, True),
        (5, 5, 4998, False),
        (5, 4, 9000, False),
        (4, 9, 9000, False),
    ],
)
def test_counts_never_go_back(reset_count: int, restart_count: int, clock: int, held: bool) -> None:
    tpm = PaperTpm(Maker(), reset_count=5, restart_count=5, clock=4999)
    record = judged(record_of(tpm), tpm, AT + 1).record
    assert (record.reset_count, record.restart_count, record.clock) == (5, 5, 5000)
    tpm.reset_count, tpm.restart_count, tpm.clock = reset_count, restart_count, clock
    found = judged(record, tpm, AT + 2, 2)
    assert found.held is held
    assert held or "older" in found.record.refused


def test_the_first_quote_after_enrolment_sets_what_counts_as_good() -> None:
    tpm = PaperTpm(Maker())
    fresh = record_of(tpm)
    assert "not yet said" in standing(fresh, AT).why
    first = judged(fresh, tpm, AT + LEARN_SECONDS)
    assert first.standing.attested
    assert (first.record.reference_by, first.record.reference_at) == (
        "enrolment",
        AT + LEARN_SECONDS,
    )
    assert trust_of_report(first) is Trust.QUOTED
    late = judged(fresh, tpm, AT + LEARN_SECONDS + 1)
    assert late.held
    assert not late.standing.attested
    assert "accepted yet" in late.standing.why
    again = judged(late.record, tpm, AT + LEARN_SECONDS + 2, 2)
    assert not again.record.reference


def test_a_changed_register_is_named_until_somebody_accepts_it() -> None:
    tpm = PaperTpm(Maker())
    record = judged(record_of(tpm), tpm, AT + 1).record
    tpm.pcrs = {**CLEAN, 0: b"\x02" * 32, 7: b"\x01" * 32}
    found = judged(record, tpm, AT + 2, 2)
    assert found.held
    assert changed(found.record) == (0, 7)
    assert found.standing.why == (
        "This changed since it was last accepted: the firmware (PCR 0), "
        "the Secure Boot policy (PCR 7)."
    )
    assert trust_of_report(found) is Trust.SIGNED
    assert found.record.reference == record.reference
    assert measurement(found.record) != measurement(record)
    ours = accepted(found.record, "operator", AT + 3)
    assert standing(ours, AT + 3).attested
    assert (ours.reference_by, ours.reference_at) == ("operator", AT + 3)
    tpm.pcrs = dict(CLEAN)
    assert not judged(ours, tpm, AT + 4, 3).standing.attested


def test_a_silent_tpm_proves_nothing_any_more() -> None:
    tpm = PaperTpm(Maker())
    record = judged(record_of(tpm), tpm, AT + 1).record
    assert standing(record, AT + LIFETIME_SECONDS).attested
    assert "for an hour" in standing(record, AT + 1 + LIFETIME_SECONDS).why


def test_a_report_without_a_quote_is_signed_and_no_more() -> None:
    assert trust_of_report(None) is Trust.SIGNED
