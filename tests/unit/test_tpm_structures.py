"""TPM 2.0's structures as a TPM writes them, and the credential that only one TPM opens."""

from __future__ import annotations

import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from doorward.agent.tpm.templates import ENDORSEMENTS, attestation_key, device_key
from doorward.protocol.agent import Report, TpmChallenge
from doorward.protocol.tpm.attest import Certified, Quoted, digest_of, parse_attest, select
from doorward.protocol.tpm.binding import enrolled_data, quoted_data
from doorward.protocol.tpm.constants import (
    ENDORSEMENT,
    PCR_WORDS,
    PCRS,
    Algorithm,
    AttestType,
    Attribute,
)
from doorward.protocol.tpm.credential import make_credential
from doorward.protocol.tpm.public_area import (
    PublicArea,
    encode_public,
    load,
    name_of,
    parse_public,
    qualified_name,
    spki,
)
from doorward.protocol.tpm.signature import parse_signature, signed_by
from doorward.protocol.tpm.wire import Reader, TpmDataError, number, sized
from tests.fakes.tpm import (
    AK,
    CLEAN,
    EK,
    Maker,
    PaperTpm,
    a_report,
    area_of,
    new_key,
    signature_by,
    with_quote,
)

# Recorded from swtpm 0.7.1: an attestation key, what it said of a key, and its quote.
AK_PUBLIC = bytes.fromhex(
    "0023000b00050472000000100018000b00030010002071ee44f25d2c03c2e089fbe0818f96438a576ca36e03d3a7"
    "fd9ce0fcf016c64000202c9c10484aba57fc688f4a68a6ea20b01c1e27219e4133bedf1b5be021ff2699"
)
CERTIFY = bytes.fromhex(
    "ff54434780170022000b0c508ff02eaf32c029f4e8ab0d0830ccecf059212bba67e8a678cf647fe3ecc10020cd18"
    "0dde6e11d4c5438d48233c16d9639b8406040ceba1a524c459a986acddf0000000000000054e0000000200000000"
    "0120191023001636360022000b83983f7419f1ec14fe0db84173ada09c72891328540a87d417e8528bc0c0350700"
    "22000bc0d34ad06774ba9b4aec9e9ef9fefa8aa27292ed771f687800b52b785356c3a1"
)
CERTIFY_SIGNATURE = bytes.fromhex(
    "0018000b0020d8fa8eafa2c12a67ac2163c295374a8aa96f02e585babea84b990b5a5601cb020020afa48466b962"
    "454fee2eef25fb1b463e4d99afb2d3b553ba15a75c03de8bcfc9"
)
KEY_PUBLIC = bytes.fromhex(
    "0023000b00040472000000100018000b00030010002058d4f2a173285f30be9b339cd718f593f6ae1e277fbfa12a"
    "370ddc2dc93de87e00203916ffb0846064f9a544dc287a1ea90bed1a30a87e583d025d4a9e089c34a007"
)
QUOTE = bytes.fromhex(
    "ff54434780180022000b0c508ff02eaf32c029f4e8ab0d0830ccecf059212bba67e8a678cf647fe3ecc100207878"
    "78787878787878787878787878787878787878787878787878787878787800000000000005be0000000200000000"
    "01201910230016363600000001000b03ff000000205341e6b2646979a70e57653007a1f310169421ec9bdd9f1a56"
    "48f75ade005af1"
)
QUOTE_SIGNATURE = bytes.fromhex(
    "0018000b00202827d3be3afa379b577923ad3b53d7af0a7f89f97314b27b26e9d3d0a1073d4100208e24c8fb8bca"
    "66c0cd830486868e5e33ffb64f99affeaf1d45ec875c525d9f45"
)

RSA_KEY = rsa.generate_private_key(65537, 2048)
SHORT_RSA_KEY = rsa.generate_private_key(65537, 1024)


def named(item: bytes | str) -> str:
    """The same name in every process, though the keys are made anew in each."""
    return item if isinstance(item, str) else str(len(item))


def test_what_a_tpm_wrote_is_read() -> None:
    ak = parse_public(AK_PUBLIC)
    assert ak.attributes & (Attribute.RESTRICTED | Attribute.SIGN | Attribute.FIXED_TPM)
    assert encode_public(ak) == AK_PUBLIC
    statement = parse_attest(CERTIFY)
    assert statement.says == Certified(name=name_of(KEY_PUBLIC))
    assert statement.signer == qualified_name(ENDORSEMENT, AK_PUBLIC)
    assert statement.extra_data == enrolled_data(spki(parse_public(KEY_PUBLIC)))
    assert signed_by(ak, CERTIFY_SIGNATURE, CERTIFY)
    assert not signed_by(ak, CERTIFY_SIGNATURE, QUOTE)
    quote = parse_attest(QUOTE)
    assert quote.says == Quoted(pcrs=PCRS, digest=digest_of(CLEAN))
    assert (quote.reset_count, quote.restart_count) == (2, 0)
    assert signed_by(ak, QUOTE_SIGNATURE, QUOTE)


@pytest.mark.parametrize("key", [new_key(), RSA_KEY], ids=["ecc", "rsa"])
@pytest.mark.parametrize("protects", [True, False])
def test_a_key_is_written_as_it_is_read(key: object, protects: bool) -> None:
    area = area_of(key, EK if protects else AK, protects=protects)  # type: ignore[arg-type]
    assert parse_public(encode_public(area)) == area
    assert load(area).public_numbers() == key.public_key().public_numbers()  # type: ignore[attr-defined]


def test_templates_are_what_the_profile_says() -> None:
    """TCG EK Credential Profile B.3.3 and B.3.4, and a restricted key that names its scheme."""
    for kind in ENDORSEMENTS:
        assert int.from_bytes(kind.template[4:8], "big") == 0x000300B2
        assert b"\x00\x06\x00\x80\x00\x43\x00\x10" in kind.template
    scheme = b"\x00\x10\x00\x18\x00\x0b\x00\x03\x00\x10"
    for template in (attestation_key, device_key):
        assert scheme in template(bytes(32))
    assert int.from_bytes(attestation_key(bytes(32))[4:8], "big") == 0x00050472
    assert int.from_bytes(device_key(bytes(32))[4:8], "big") == 0x00040472


GOOD = encode_public(area_of(new_key(), AK))
GOOD_RSA = encode_public(area_of(RSA_KEY, AK))


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "too early"),
        (GOOD[:-1], "too early"),
        (GOOD + b"\0", "more bytes"),
        (b"\x00\x25" + GOOD[2:], "neither on P-256 nor an RSA"),
        (GOOD[:2] + b"\x00\x04" + GOOD[4:], "SHA-256"),
        (GOOD[:4] + b"\x80" + GOOD[5:], "attributes"),
        (GOOD[:8] + b"\x00\x21" + bytes(33) + GOOD[10:], "longer than 32"),
        (GOOD[:10] + b"\x00\x06\x01\x00\x00\x43" + GOOD[12:], "AES-128-CFB"),
        (GOOD[:12] + b"\x00\x14\x00\x0b" + GOOD[16:], "ECDSA or RSASSA"),
        (GOOD[:12] + b"\x00\x18\x00\x04" + GOOD[16:], "ECDSA or RSASSA"),
        (GOOD[:16] + b"\x00\x04" + GOOD[18:], "another curve"),
        (GOOD[:18] + b"\x00\x20" + GOOD[20:], "key derivation"),
        (GOOD[:20] + sized(b"\1" * 32) + sized(b"\1" * 32), "no public key"),
        (GOOD[:20] + sized(b"") + sized(b""), "no public key"),
        (GOOD_RSA[:16] + b"\x10\x00" + GOOD_RSA[18:], "2048"),
        (GOOD_RSA[:18] + number(3, 4) + GOOD_RSA[22:], "65537"),
        (GOOD_RSA[:22] + sized(b"\x01" * 255), "shorter"),
    ],
    ids=named,
)
def test_a_key_of_another_kind_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(TpmDataError, match=why):
        parse_public(data)


def test_an_rsa_key_too_short_is_refused() -> None:
    modulus = SHORT_RSA_KEY.public_key().public_numbers().n.to_bytes(128, "big")
    area = PublicArea(kind=Algorithm.RSA, attributes=AK, modulus=modulus)
    with pytest.raises(TpmDataError, match="shorter"):
        parse_public(encode_public(area))


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (QUOTE[:-1], "too early"),
        (QUOTE + b"\0", "more bytes"),
        (b"\xff\x54\x43\x48" + QUOTE[4:], "not made by a TPM"),
        (QUOTE[:4] + b"\x80\x19" + QUOTE[6:], "neither about a key nor"),
        (QUOTE[:6] + b"\x00\x45" + QUOTE[8:], "longer than 68"),
        (QUOTE[:6] + b"\xff\xff" + QUOTE[8:], "longer than 68"),
        (QUOTE[:76] + b"\xff" + QUOTE[77:], "beyond any"),
        (QUOTE[:92] + b"\x02" + QUOTE[93:], "neither safe"),
        (QUOTE[:101] + number(17, 4) + QUOTE[105:], "too many banks"),
        (QUOTE[:105] + b"\x00\x04" + QUOTE[107:], "another bank"),
        (QUOTE[:107] + b"\x05" + QUOTE[108:], "too many registers"),
    ],
    ids=named,
)
def test_a_statement_of_another_kind_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(TpmDataError, match=why):
        parse_attest(data)


def test_empty_banks_and_several_selections_count_as_one() -> None:
    tpm = PaperTpm(Maker())
    says = (
        number(3, 4)
        + b"\x00\x04\x03\x00\x00\x00"
        + b"\x00\x0b\x03\x0f\x00\x00"
        + b"\x00\x0b\x03\xf0\x00\x00"
        + sized(digest_of(CLEAN))
    )
    found = parse_attest(tpm.attested(AttestType.QUOTE, b"", says)).says
    assert found == Quoted(pcrs=PCRS, digest=digest_of(CLEAN))
    assert select((0, 7, 10)) == bytes.fromhex("00000001000b03810400")


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "too early"),
        (QUOTE_SIGNATURE + b"\0", "more bytes"),
        (b"\x00\x16" + QUOTE_SIGNATURE[2:], "neither ECDSA"),
        (b"\x00\x18\x00\x04" + QUOTE_SIGNATURE[4:], "not over SHA-256"),
        (b"\x00\x18\x00\x0b\x00\x21" + bytes(40), "longer than 32"),
    ],
    ids=named,
)
def test_a_signature_of_another_kind_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(TpmDataError, match=why):
        parse_signature(data)


def test_signatures_hold_for_their_key_and_message_alone() -> None:
    for key in (new_key(), RSA_KEY):
        area, signature = area_of(key, AK), signature_by(key, b"message")
        assert signed_by(area, signature, b"message")
        assert not signed_by(area, signature, b"massage")
        assert not signed_by(area_of(new_key(), AK), signature, b"message")
        assert not signed_by(parse_public(AK_PUBLIC), signature, b"message")
    zero = number(Algorithm.ECDSA, 2) + number(Algorithm.SHA256, 2) + sized(b"") * 2
    assert not signed_by(parse_public(AK_PUBLIC), zero, b"message")
    assert not signed_by(area_of(RSA_KEY, AK), signature_by(new_key(), b"m"), b"m")


@pytest.mark.parametrize("kind", [new_key, lambda: RSA_KEY], ids=["ecc", "rsa"])
def test_a_credential_is_opened_by_its_tpm_alone(kind: object) -> None:
    maker = Maker()
    tpm, other = PaperTpm(maker, ek_key=kind()), PaperTpm(maker, ek_key=kind())  # type: ignore[operator]
    made = make_credential(tpm.ek_area, name_of(tpm.ak_public), b"s" * 32, b"r" * 32)
    challenge = TpmChallenge(credential=made.blob, secret=made.secret)
    assert tpm.activate(challenge) == b"s" * 32
    assert b"s" * 16 not in made.blob + made.secret
    with pytest.raises(ValueError, match="integrity"):
        other.activate(challenge)
    tpm.ak_key = new_key()
    tpm.__post_init__()
    with pytest.raises(ValueError, match="integrity"):
        tpm.activate(challenge)


def test_a_credential_needs_a_key_that_protects_and_full_secrets() -> None:
    tpm = PaperTpm(Maker())
    with pytest.raises(TpmDataError, match="it signs"):
        make_credential(tpm.ak_area, b"name", b"s" * 32, b"r" * 32)
    with pytest.raises(TpmDataError, match="32 bytes"):
        make_credential(tpm.ek_area, b"name", b"short", b"r" * 32)


def test_a_quote_is_tied_to_all_of_its_report() -> None:
    report = a_report()
    data = quoted_data(report)
    assert len(data) == 32
    assert quoted_data(with_quote(PaperTpm(Maker()), report)) == data
    others = (
        a_report(counter=2),
        a_report(nonce="nonce-2"),
        a_report(at=report.at + 1),
        Report(counter=1, nonce="nonce-1", at=report.at, platform="linux", facts=()),
    )
    assert len({data, *(quoted_data(item) for item in others)}) == 5
    whole = Report(counter=1, nonce="n", at=5, platform="linux", facts=())
    read = Report(counter=1, nonce="n", at=5.0, platform="linux", facts=())
    assert quoted_data(whole) == quoted_data(read)
    assert enrolled_data(b"key") != hashlib.sha256(b"key").digest()


def test_every_register_that_is_quoted_has_words() -> None:
    assert tuple(PCR_WORDS) == PCRS


def test_a_reader_never_reads_past_its_end() -> None:
    reader = Reader(b"\x00\x02ab")
    assert reader.sized() == b"ab"
    assert reader.rest() == b""
    reader.end()
    with pytest.raises(TpmDataError):
        reader.number(1)
