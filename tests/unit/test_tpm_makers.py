"""Whose certificates vouch for an endorsement key, and whose do not."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from doorward.adapters.tpm_makers import TrustedTpmMakers
from doorward.administrator.devices.attestation.refused import AttestationRefusedError
from doorward.bootstrap import tpm_attestor
from doorward.config import DataFolder
from doorward.errors import DoorwardError
from tests.fakes.store import CountedSecrets
from tests.fakes.tpm import AT, EK_PURPOSE, Maker, new_key

HONEST = Maker()
KEY = new_key()
DAY = 86_400


def refused(maker: Maker, certificate: bytes, at: float = AT) -> bool:
    try:
        TrustedTpmMakers(maker.files).vouch(certificate, at)
    except AttestationRefusedError:
        return True
    return False


@pytest.mark.parametrize(
    "certificate",
    [
        HONEST.certify(KEY.public_key()),
        HONEST.certify(KEY.public_key(), purposes=()),
        HONEST.certify(KEY.public_key(), purposes=("2.5.29.37.0", EK_PURPOSE)),
        HONEST.certify(KEY.public_key(), is_authority=None),
    ],
)
def test_a_trusted_maker_vouches_for_the_certificate_s_key(certificate: bytes) -> None:
    spki = KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert TrustedTpmMakers(HONEST.files).vouch(certificate, AT) == spki


@pytest.mark.parametrize(
    "certificate",
    [
        HONEST.certify(KEY.public_key(), purposes=("1.3.6.1.5.5.7.3.2",)),
        HONEST.certify(KEY.public_key(), is_authority=True),
        HONEST.certify(KEY.public_key(), critical="1.2.3.4"),
        HONEST.certify(KEY.public_key(), days=9),
        HONEST.between.public_bytes(Encoding.DER),
        HONEST.root.public_bytes(Encoding.DER),
        b"",
        b"\x30\x82\x01\x00",
        HONEST.files[0],
    ],
)
def test_any_other_certificate_is_refused(certificate: bytes) -> None:
    assert refused(HONEST, certificate)


def test_a_certificate_is_good_in_its_time_alone() -> None:
    certificate = HONEST.certify(KEY.public_key(), days=20)
    assert not refused(HONEST, certificate, AT + 9 * DAY)
    assert refused(HONEST, certificate, AT + 11 * DAY)
    assert refused(HONEST, certificate, AT - 11 * DAY)


@pytest.mark.parametrize(
    "maker",
    [
        Maker(between_is_authority=False),
        Maker(between_may_certify=False),
        Maker(between_days=5),
        Maker(root_path_length=0),
    ],
)
def test_an_authority_that_is_none_vouches_for_nothing(maker: Maker) -> None:
    assert refused(maker, maker.certify(KEY.public_key()))


def test_another_maker_of_the_same_name_is_another_maker() -> None:
    """The names match, so only the signatures tell them apart."""
    assert refused(HONEST, Maker().certify(KEY.public_key()))


def test_without_its_intermediate_or_any_root_nobody_vouches() -> None:
    certificate = HONEST.certify(KEY.public_key())
    for files in ([], HONEST.files[:1], HONEST.files[1:]):
        with pytest.raises(AttestationRefusedError):
            TrustedTpmMakers(files).vouch(certificate, AT)


def test_makers_come_from_files_of_their_own(tmp_path: Path) -> None:
    data = DataFolder(tmp_path)
    certificate = HONEST.certify(KEY.public_key())
    with pytest.raises(AttestationRefusedError, match="No maker"):
        TrustedTpmMakers().vouch(certificate, AT)
    assert tpm_attestor(data, CountedSecrets()) is None
    data.tpm_makers.mkdir(parents=True)
    for number, file in enumerate(HONEST.files):
        (data.tpm_makers / f"{number}.pem").write_bytes(file)
    attestor = tpm_attestor(data, CountedSecrets())
    assert attestor is not None
    assert attestor.makers.vouch(certificate, AT)
    (data.tpm_makers / "bad.pem").write_text("none")
    with pytest.raises(DoorwardError, match="attestation-root-malformed"):
        tpm_attestor(data, CountedSecrets())
