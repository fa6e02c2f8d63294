"""Each rule of `verify_evidence` and of the challenge, broken one at a time."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from doorward.adapters.tpm_makers import TrustedTpmMakers
from doorward.administrator.devices.attestation.challenge import activated, challenge_for
from doorward.administrator.devices.attestation.refused import AttestationRefusedError
from doorward.administrator.devices.attestation.verify_evidence import verify_evidence
from doorward.protocol.agent import TpmEvidence
from doorward.protocol.tpm.binding import enrolled_data
from doorward.protocol.tpm.constants import OWNER, Attribute
from doorward.protocol.tpm.public_area import encode_public, qualified_name
from tests.fakes.store import CountedSecrets
from tests.fakes.tpm import AK, AT, EK, KEY, Maker, PaperTpm, new_key, signature_by

MAKER = Maker()
MAKERS = TrustedTpmMakers(MAKER.files)
RSA_KEY = rsa.generate_private_key(65537, 2048)


def why_refused(tpm: PaperTpm, evidence: TpmEvidence, public_key: bytes = b"") -> str:
    with pytest.raises(AttestationRefusedError) as caught:
        verify_evidence(MAKERS, evidence, public_key or tpm.public_der, AT)
    return caught.value.detail


@pytest.mark.parametrize("ek", [new_key(), RSA_KEY], ids=["ek-ecc", "ek-rsa"])
@pytest.mark.parametrize("ak", [new_key(), RSA_KEY], ids=["ak-ecc", "ak-rsa"])
def test_an_honest_tpm_proves_itself(ek: object, ak: object) -> None:
    tpm = PaperTpm(MAKER, ek_key=ek, ak_key=ak)  # type: ignore[arg-type]
    evidence = tpm.evidence()
    challenge, pending = challenge_for(MAKERS, CountedSecrets(), evidence, tpm.public_der, AT)
    stored = msgspec.json.decode(msgspec.json.encode(pending), type=type(pending))
    attested = activated(stored, tpm.activate(challenge))
    assert attested.key == hashlib.sha256(tpm.public_der).hexdigest()
    assert attested.certificate == hashlib.sha256(evidence.ek_certificate).hexdigest()
    assert attested.ak_public == tpm.ak_public


def test_rule_1_no_trusted_maker() -> None:
    stranger = PaperTpm(Maker("Strangers"))
    assert "trusted maker" in why_refused(stranger, stranger.evidence())


def test_rule_2_the_certificate_of_another_key() -> None:
    tpm, other = PaperTpm(MAKER), PaperTpm(MAKER)
    mixed = msgspec.structs.replace(tpm.evidence(), ek_certificate=other.ek_certificate)
    assert "not the one of its certificate" in why_refused(tpm, mixed)


@pytest.mark.parametrize(
    ("part", "good", "lacks"),
    [
        ("ek_attributes", EK, ["FIXED_TPM", "FIXED_PARENT", "RESTRICTED", "DECRYPT"]),
        (
            "ak_attributes",
            AK,
            ["FIXED_TPM", "FIXED_PARENT", "SENSITIVE_DATA_ORIGIN", "RESTRICTED", "SIGN"],
        ),
        ("key_attributes", KEY, ["FIXED_TPM", "FIXED_PARENT", "SENSITIVE_DATA_ORIGIN", "SIGN"]),
    ],
)
def test_rules_3_4_5_an_attribute_is_missing(part: str, good: Attribute, lacks: list[str]) -> None:
    for name in lacks:
        tpm = PaperTpm(MAKER, **{part: good & ~Attribute[name]})  # type: ignore[arg-type]
        assert f"lacks {name.lower().replace('_', ' ')}" in why_refused(tpm, tpm.evidence())


@pytest.mark.parametrize(
    ("part", "attributes", "why"),
    [
        ("ek_attributes", EK | Attribute.SIGN, "endorsement key has sign"),
        ("ak_attributes", AK | Attribute.DECRYPT, "attestation key has decrypt"),
        ("key_attributes", KEY | Attribute.DECRYPT, "enrolled key has decrypt"),
        ("key_attributes", KEY | Attribute.RESTRICTED, "enrolled key has restricted"),
    ],
)
def test_rules_3_4_5_an_attribute_too_many(part: str, attributes: Attribute, why: str) -> None:
    tpm = PaperTpm(MAKER, **{part: attributes})  # type: ignore[arg-type]
    assert why in why_refused(tpm, tpm.evidence())


def test_rule_5_another_key_asks_for_enrolment() -> None:
    """A key in software, with the evidence of a TPM beside it."""
    tpm, software = PaperTpm(MAKER), PaperTpm(MAKER)
    assert "another key than the one that asks" in why_refused(
        tpm, tpm.evidence(), software.public_der
    )


Change = Callable[[PaperTpm], TpmEvidence]


def resigned(tpm: PaperTpm, certify: bytes) -> TpmEvidence:
    return msgspec.structs.replace(
        tpm.evidence(), key_certify=certify, key_signature=signature_by(tpm.ak_key, certify)
    )


def other_signer(tpm: PaperTpm) -> TpmEvidence:
    evidence = tpm.evidence()
    forged = signature_by(new_key(), evidence.key_certify)
    return msgspec.structs.replace(evidence, key_signature=forged)


def changed_statement(tpm: PaperTpm) -> TpmEvidence:
    evidence = tpm.evidence()
    changed = evidence.key_certify[:-1] + bytes([evidence.key_certify[-1] ^ 1])
    return msgspec.structs.replace(evidence, key_certify=changed)


def a_quote(tpm: PaperTpm) -> TpmEvidence:
    return resigned(tpm, tpm.quoted(enrolled_data(tpm.public_der)))


def another_key_certified(tpm: PaperTpm) -> TpmEvidence:
    other = encode_public(PaperTpm(MAKER).key_area)
    return resigned(tpm, tpm.certified(other, enrolled_data(tpm.public_der)))


def another_purpose(tpm: PaperTpm) -> TpmEvidence:
    return resigned(tpm, tpm.certified(encode_public(tpm.key_area), enrolled_data(b"other")))


def another_hierarchy(tpm: PaperTpm) -> TpmEvidence:
    signer = qualified_name(OWNER, tpm.ak_public)
    public, data = encode_public(tpm.key_area), enrolled_data(tpm.public_der)
    return resigned(tpm, tpm.certified(public, data, signer=signer))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (other_signer, "did not sign"),
        (changed_statement, "did not sign"),
        (a_quote, "something else than the enrolled key"),
        (another_key_certified, "something else than the enrolled key"),
        (another_purpose, "another purpose"),
        (another_hierarchy, "endorsement hierarchy"),
    ],
)
def test_rules_6_7_8_a_statement_that_is_not_on_this_enrolment(change: Change, why: str) -> None:
    tpm = PaperTpm(MAKER)
    assert why in why_refused(tpm, change(tpm))


def test_two_tpms_that_play_one_do_not_find_the_secret() -> None:
    """Evidence of which every rule holds: only the credential tells that it is two TPMs."""
    vouched, worker = PaperTpm(MAKER), PaperTpm(MAKER)
    mixed = msgspec.structs.replace(
        worker.evidence(),
        ek_certificate=vouched.ek_certificate,
        ek_public=encode_public(vouched.ek_area),
    )
    challenge, pending = challenge_for(MAKERS, CountedSecrets(), mixed, worker.public_der, AT)
    for tpm in (vouched, worker):
        with pytest.raises(ValueError, match="integrity"):
            tpm.activate(challenge)
    for guess in (b"", b"guess" * 8, bytes(32)):
        with pytest.raises(AttestationRefusedError, match="did not find"):
            activated(pending, guess)


def test_a_challenge_is_another_each_time_and_remembers_no_secret() -> None:
    tpm, secrets = PaperTpm(MAKER), CountedSecrets()
    one, first = challenge_for(MAKERS, secrets, tpm.evidence(), tpm.public_der, AT)
    two, second = challenge_for(MAKERS, secrets, tpm.evidence(), tpm.public_der, AT)
    assert first.secret != second.secret
    found = tpm.activate(one)
    assert found.hex() not in msgspec.json.encode(first).decode()
    assert found not in one.credential
    with pytest.raises(AttestationRefusedError):
        activated(first, tpm.activate(two))
