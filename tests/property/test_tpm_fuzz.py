"""Whatever a device sends as a TPM's word: refused or malformed, and nothing else.

Two ways: noise, and honest structures of which some bytes are changed.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable
from contextlib import suppress

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from doorward.adapters.tpm_makers import TrustedTpmMakers
from doorward.administrator.devices.attestation.challenge import challenge_for
from doorward.administrator.devices.attestation.refused import AttestationRefusedError
from doorward.administrator.devices.attestation.take_quote import judge_quote
from doorward.administrator.fleet.attestation import AttestationRecord
from doorward.agent.tpm.commands import Tpm
from doorward.agent.tpm.response import RETRY, TpmRefusedError
from doorward.model.ids import DeviceId
from doorward.protocol.agent import Quote, TpmEvidence
from doorward.protocol.tpm.attest import parse_attest
from doorward.protocol.tpm.binding import quoted_data
from doorward.protocol.tpm.constants import ENDORSEMENT, PCRS, Algorithm
from doorward.protocol.tpm.credential import make_credential
from doorward.protocol.tpm.public_area import encode_public, name_of, parse_public, spki
from doorward.protocol.tpm.signature import parse_signature, signed_by
from doorward.protocol.tpm.wire import TpmDataError
from tests.fakes.store import CountedSecrets
from tests.fakes.tpm import AK, AT, Maker, PaperTpm, a_report, area_of, with_quote

MAKER = Maker()
MAKERS = TrustedTpmMakers(MAKER.files)
TPM = PaperTpm(MAKER)
EVIDENCE = TPM.evidence()
REPORT = with_quote(TPM, a_report())
RECORD = AttestationRecord(
    device=DeviceId("laptop"),
    endorsement="ee",
    certificate="cc",
    ak_public=TPM.ak_public,
    key=hashlib.sha256(TPM.public_der).hexdigest(),
    since=AT,
)
assert REPORT.quote is not None
GOOD_QUOTE = REPORT.quote
PARTS = tuple(EVIDENCE.__struct_fields__)
RSA_KEY = rsa.generate_private_key(65537, 2048)
PUBLICS = (EVIDENCE.ak_public, EVIDENCE.ek_public, encode_public(area_of(RSA_KEY, AK)))


@st.composite
def mutated(draw: st.DrawFn, honest: bytes) -> bytes:
    """`honest` with bytes changed, cut out, put in, or cut off; never the same."""
    data = bytearray(honest)
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, max(len(data) - 1, 0)))
        match draw(st.sampled_from(["flip", "set", "cut", "put", "end"])):
            case "flip" if data:
                data[at] ^= 1 << draw(st.integers(0, 7))
            case "set" if data:
                data[at] = draw(st.sampled_from([0, 1, 0x7F, 0x80, 0xFF]))
            case "cut":
                del data[at : at + draw(st.integers(1, 8))]
            case "put":
                data[at:at] = draw(st.binary(min_size=1, max_size=8))
            case _:
                del data[at:]
    if bytes(data) == honest:
        data.append(0)
    return bytes(data)


def read(parse: Callable[[bytes], object], data: bytes) -> object:
    """What `parse` finds; None for what it refuses. Any other error fails the test."""
    try:
        return parse(data)
    except TpmDataError:
        return None


ACTS: tuple[Callable[[Tpm], object], ...] = (
    lambda tpm: tpm.create_primary(ENDORSEMENT, b"template"),
    lambda tpm: tpm.handles(0x81000000),
    lambda tpm: tpm.read_public(1),
    lambda tpm: tpm.read_nv(1),
    lambda tpm: tpm.certify(1, 2, b"data"),
    lambda tpm: tpm.quote(1, b"data", PCRS),
    lambda tpm: tpm.read_pcrs(PCRS),
    lambda tpm: tpm.sign(1, b"digest"),
    lambda tpm: tpm.activate(1, 2, b"blob", b"secret"),
)


@given(st.sampled_from(ACTS), st.lists(st.binary(max_size=60), min_size=1, max_size=4))
@settings(max_examples=300)
def test_whatever_a_tpm_answers_the_agent_is_told_what_is_wrong(
    act: Callable[[Tpm], object], bodies: list[bytes]
) -> None:
    """A broken TPM, or what plays one: an error that says so, and an end."""
    answers = itertools.cycle(bodies)

    def exchange(_: bytes) -> bytes:
        return b"\x80\x01\x00\x00\x00\x00\x00\x00\x00\x00" + next(answers)

    with suppress(TpmDataError):
        act(Tpm(exchange))
    for short in (b"", b"\x80\x01\x00\x00"):
        with pytest.raises(TpmDataError, match="too early"):
            act(Tpm(lambda _, short=short: short))  # type: ignore[misc]


@given(st.sampled_from(ACTS), st.integers(1, 2**32 - 1).filter(lambda code: code not in RETRY))
def test_every_refusal_of_a_tpm_is_explained(act: Callable[[Tpm], object], code: int) -> None:
    answer = b"\x80\x01\x00\x00\x00\x0a" + code.to_bytes(4, "big")
    words = ""
    try:
        words = f"{act(Tpm(lambda _: answer))} is nothing there"
    except TpmRefusedError as error:
        words = error.detail + error.remedy
    assert words.startswith(("The TPM refused: ", "None is nothing there"))
    assert words.isprintable()


PARSERS: tuple[Callable[[bytes], object], ...] = (parse_public, parse_attest, parse_signature)


@given(st.binary(max_size=600))
@settings(max_examples=300)
def test_noise_is_no_structure(data: bytes) -> None:
    for parse in PARSERS:
        assert read(parse, data) is None


@given(st.data())
@settings(max_examples=300)
def test_a_changed_key_is_refused_or_another_key(data: st.DataObject) -> None:
    honest = data.draw(st.sampled_from(PUBLICS))
    changed = data.draw(mutated(honest))
    if read(parse_public, changed) is None:
        return
    area = parse_public(changed)
    assert name_of(changed) != name_of(honest)
    assert spki(area)
    assert not signed_by(area, GOOD_QUOTE.signature, GOOD_QUOTE.attest + b"x")
    if area.symmetric == Algorithm.AES:
        assert make_credential(area, b"name", b"s" * 32, b"r" * 32).blob


@given(mutated(GOOD_QUOTE.attest))
def test_a_changed_statement_is_refused_or_unsigned(changed: bytes) -> None:
    read(parse_attest, changed)
    assert not signed_by(TPM.ak_area, GOOD_QUOTE.signature, changed)


@given(mutated(GOOD_QUOTE.signature))
def test_a_changed_signature_is_refused_or_holds_not(changed: bytes) -> None:
    if read(parse_signature, changed) == parse_signature(GOOD_QUOTE.signature):
        return  # a number written with zeros in front
    if read(parse_signature, changed) is not None:
        assert not signed_by(TPM.ak_area, changed, GOOD_QUOTE.attest)


def outcome(evidence: TpmEvidence) -> str:
    try:
        challenge_for(MAKERS, CountedSecrets(), evidence, TPM.public_der, AT)
    except (AttestationRefusedError, TpmDataError) as error:
        return error.code
    return "challenged"


def test_the_honest_ones_are_accepted() -> None:
    assert outcome(EVIDENCE) == "challenged"
    assert judge_quote(RECORD, REPORT, AT).held


@given(st.fixed_dictionaries({name: st.binary(max_size=200) for name in PARTS}))
def test_evidence_of_any_bytes_is_refused(parts: dict[str, bytes]) -> None:
    assert outcome(TpmEvidence(**parts)) != "challenged"


@given(st.sampled_from(PARTS), st.binary(max_size=400))
def test_evidence_with_one_part_of_any_bytes_is_refused(part: str, noise: bytes) -> None:
    assert outcome(msgspec.structs.replace(EVIDENCE, **{part: noise})) != "challenged"


@given(st.data())
@settings(max_examples=300)
def test_evidence_with_a_changed_part_is_refused(data: st.DataObject) -> None:
    """But what is signed differently and means the same: zeros in front, the EK's attributes."""
    part = data.draw(st.sampled_from(PARTS))
    changed = data.draw(mutated(getattr(EVIDENCE, part)))
    found = outcome(msgspec.structs.replace(EVIDENCE, **{part: changed}))
    if part == "ek_public" and found == "challenged":
        assert spki(parse_public(changed)) == spki(TPM.ek_area)
    elif part == "key_signature" and found == "challenged":
        assert parse_signature(changed) == parse_signature(EVIDENCE.key_signature)
    else:
        assert found != "challenged"


pcr_values = st.dictionaries(st.integers(-1, 24), st.binary(max_size=64), max_size=10)


@given(st.binary(max_size=200), st.binary(max_size=100), pcr_values)
def test_a_quote_of_any_bytes_is_refused(
    attest: bytes, signature: bytes, pcrs: dict[int, bytes]
) -> None:
    quote = Quote(attest=attest, signature=signature, pcrs=pcrs)
    found = judge_quote(RECORD, msgspec.structs.replace(REPORT, quote=quote), AT)
    assert not found.held
    assert msgspec.structs.replace(found.record, refused="") == RECORD


@given(st.data())
@settings(max_examples=200)
def test_a_quote_with_a_changed_part_is_refused(data: st.DataObject) -> None:
    part = data.draw(st.sampled_from(["attest", "signature", "pcrs"]))
    honest = getattr(GOOD_QUOTE, part)
    changed = data.draw(pcr_values if part == "pcrs" else mutated(honest))
    quote = msgspec.structs.replace(GOOD_QUOTE, **{part: changed})
    found = judge_quote(RECORD, msgspec.structs.replace(REPORT, quote=quote), AT)
    written_otherwise = read(parse_signature, quote.signature) == parse_signature(
        GOOD_QUOTE.signature
    )
    same = part == "signature" and written_otherwise
    assert found.held is same


@given(st.integers(1, 2**40), st.text(max_size=20), st.floats(0, 2e9))
def test_a_quote_is_good_for_one_report(counter: int, nonce: str, at: float) -> None:
    other = msgspec.structs.replace(REPORT, counter=counter, nonce=nonce, at=at)
    same = (counter, nonce, at) == (REPORT.counter, REPORT.nonce, REPORT.at)
    assert judge_quote(RECORD, other, AT).held is same
    assert (quoted_data(other) == quoted_data(REPORT)) is same


@pytest.mark.parametrize("size", [0, 1, 9, 10, 11])
def test_a_credential_for_a_key_that_was_never_parsed_is_an_error(size: int) -> None:
    area = msgspec.structs.replace(TPM.ek_area, point=(b"\x01" * size, b"\x02" * size))
    with pytest.raises(TpmDataError):
        make_credential(area, b"name", b"s" * 32, b"r" * 32)
