"""The whole life of a device's key in a real TPM 2.0 (swtpm), and what must not pass for it.

swtpm proves the protocol, not that any maker's hardware keeps its keys.
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
import tty
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key

from doorward.adapters.tpm_makers import TrustedTpmMakers
from doorward.administrator.devices.attestation.challenge import (
    AttestedTpm,
    activated,
    challenge_for,
)
from doorward.administrator.devices.attestation.refused import AttestationRefusedError
from doorward.administrator.devices.attestation.take_quote import judge_quote, trust_of_report
from doorward.administrator.devices.attestation.verify_evidence import verify_evidence
from doorward.administrator.devices.attestation.verify_quote import verify_quote
from doorward.administrator.fleet.attestation import AttestationRecord
from doorward.agent.keys import TpmDeviceKey
from doorward.agent.tpm.commands import Tpm
from doorward.agent.tpm.key import TpmKey, TpmState
from doorward.agent.tpm.response import TpmRefusedError
from doorward.agent.tpm.templates import ENDORSEMENTS, attestation_key, device_key
from doorward.agent.tpm.transport import connected, present
from doorward.errors import DoorwardError
from doorward.model.ids import DeviceId
from doorward.model.posture import Trust
from doorward.protocol.agent import Report, TpmChallenge, TpmEvidence
from doorward.protocol.tpm.attest import parse_attest
from doorward.protocol.tpm.binding import enrolled_data, quoted_data
from doorward.protocol.tpm.constants import ENDORSEMENT, OWNER
from doorward.protocol.tpm.credential import make_credential
from doorward.protocol.tpm.public_area import load, name_of, parse_public, spki
from doorward.protocol.tpm.signature import signed_by
from tests.fakes.store import CountedSecrets
from tests.fakes.tpm import AT, Maker, a_report
from tests.integration.software_tpm import Foundry, SoftwareTpm

ATTRIBUTES = "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|restricted|sign"


@pytest.fixture(scope="module")
def foundry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Foundry]:
    works = Foundry(tmp_path_factory.mktemp("foundry"))
    yield works
    for tpm in works.made:
        tpm.off()


@pytest.fixture(scope="module")
def model(foundry: Foundry) -> SoftwareTpm:
    """A TPM that was never switched on."""
    return foundry.make("first")


@pytest.fixture(scope="module")
def other_model(foundry: Foundry) -> SoftwareTpm:
    return foundry.make("second")


@pytest.fixture
def tpm(foundry: Foundry, model: SoftwareTpm, tmp_path: Path) -> Iterator[SoftwareTpm]:
    fresh = foundry.copy(model, tmp_path / "tpm")
    fresh.on()
    yield fresh
    fresh.off()


@pytest.fixture
def other_tpm(foundry: Foundry, other_model: SoftwareTpm, tmp_path: Path) -> Iterator[SoftwareTpm]:
    fresh = foundry.copy(other_model, tmp_path / "other")
    fresh.on()
    yield fresh
    fresh.off()


@pytest.fixture
def makers(foundry: Foundry, model: SoftwareTpm) -> TrustedTpmMakers:
    return TrustedTpmMakers(foundry.roots)


def challenged(
    makers: TrustedTpmMakers, key: TpmKey, evidence: TpmEvidence | None = None
) -> AttestedTpm:
    """The TPM of `key`, once it proved itself."""
    challenge, pending = challenge_for(
        makers, CountedSecrets(), evidence or key.evidence(), key.public_der, time.time()
    )
    return activated(pending, key.activate(challenge))


def remembered(tpm: AttestedTpm) -> AttestationRecord:
    return AttestationRecord(
        device=DeviceId("laptop"),
        endorsement=tpm.endorsement,
        certificate=tpm.certificate,
        ak_public=tpm.ak_public,
        key=tpm.key,
        since=AT,
    )


def quoting(key: TpmDeviceKey, counter: int = 1, nonce: str = "nonce-1") -> Report:
    report = a_report(counter, nonce)
    return msgspec.structs.replace(report, quote=key.quote(quoted_data(report)))


def left_behind(tpm: SoftwareTpm) -> str:
    kinds = ("handles-transient", "handles-loaded-session", "handles-saved-session")
    return "".join(tpm.tool("getcap", kind) for kind in kinds).strip()


def test_the_whole_life(tpm: SoftwareTpm, makers: TrustedTpmMakers) -> None:
    assert present(tpm.path)
    key: TpmDeviceKey = TpmKey.create(tpm.path)
    assert key.storage == "tpm"
    public = load_der_public_key(key.public_der)
    assert isinstance(public, ec.EllipticCurvePublicKey)
    public.verify(key.sign(b"message"), b"message", ec.ECDSA(hashes.SHA256()))

    challenge, pending = challenge_for(
        makers, CountedSecrets(), key.evidence(), key.public_der, time.time()
    )
    attested = activated(pending, key.activate(challenge))
    assert attested.key == hashlib.sha256(key.public_der).hexdigest()

    first = judge_quote(remembered(attested), quoting(key), AT + 1)
    assert first.held
    assert first.standing.attested
    assert trust_of_report(first) is Trust.QUOTED
    assert first.record.reference == first.record.measured
    assert left_behind(tpm) == ""


def test_keys_outlive_the_agent_and_the_power(tpm: SoftwareTpm) -> None:
    made = TpmKey.create(tpm.path)
    stored = msgspec.json.encode(made.state)
    tpm.restart()
    key = TpmKey(msgspec.json.decode(stored, type=TpmState), tpm.path)
    assert key.public_der == made.public_der
    assert key.evidence().ak_public == made.state.attestation_public


def test_two_enrolments_share_nothing_but_the_tpm(tpm: SoftwareTpm) -> None:
    one, two = TpmKey.create(tpm.path), TpmKey.create(tpm.path)
    assert one.public_der != two.public_der
    assert one.state.attestation_public != two.state.attestation_public
    assert one.evidence().ek_public == two.evidence().ek_public
    two.forget()
    two.forget()
    assert len(one.sign(b"x")) > 60
    for use in (two.sign, two.quote):
        with pytest.raises(DoorwardError, match="no longer keeps"):
            use(bytes(32))


def test_a_key_that_took_an_earlier_one_s_place_is_left_alone(tpm: SoftwareTpm) -> None:
    former = TpmKey.create(tpm.path)
    former.forget()
    later = TpmKey.create(tpm.path)
    assert later.state.key == former.state.key
    with pytest.raises(DoorwardError, match="no longer keeps"):
        former.sign(b"x")
    former.forget()
    assert later.sign(b"x")


def test_a_register_that_moves_under_the_quote_is_quoted_again(
    tpm: SoftwareTpm, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, read, moves = TpmKey.create(tpm.path), Tpm.read_pcrs, [2]

    def moved(self: Tpm, pcrs: tuple[int, ...]) -> dict[int, bytes]:
        found = read(self, pcrs)
        if moves[0]:
            moves[0] -= 1
            found[0] = b"\x01" * 32
        return found

    monkeypatch.setattr(Tpm, "read_pcrs", moved)
    assert key.quote(bytes(32)).pcrs[0] == bytes(32)
    moves[0] = 3
    with pytest.raises(DoorwardError, match="change all the time"):
        key.quote(bytes(32))


def test_tpm2_tools_say_the_same(tpm: SoftwareTpm) -> None:
    """The names of others' programs for the same key, and their check of our quote."""
    key = TpmKey.create(tpm.path)
    printed = tpm.tool("readpublic", "-c", hex(key.state.attestation))
    assert f"name: {name_of(key.state.attestation_public).hex()}" in printed
    for word in ("fixedtpm", "fixedparent", "sensitivedataorigin", "restricted", "sign"):
        assert word in printed
    quote = key.quote(b"\xab" * 32)
    (tpm.folder / "attest").write_bytes(quote.attest)
    (tpm.folder / "signature").write_bytes(quote.signature)
    tpm.tool("readpublic", "-c", hex(key.state.attestation), "-f", "pem", "-o", "ak.pem")
    check = ("checkquote", "-u", "ak.pem", "-m", "attest", "-s", "signature", "-g", "sha256", "-q")
    tpm.tool(*check, "ab" * 32)
    with pytest.raises(AssertionError):
        tpm.tool(*check, "ac" * 32)


def test_a_credential_made_here_is_opened_by_tpm2_tools(tpm: SoftwareTpm) -> None:
    key = TpmKey.create(tpm.path)
    evidence = key.evidence()
    credential = make_credential(
        parse_public(evidence.ek_public), name_of(evidence.ak_public), b"s" * 32, b"r" * 32
    )
    head = bytes.fromhex("badcc0de00000001")
    (tpm.folder / "credential").write_bytes(head + credential.blob + credential.secret)
    tpm.tool("createek", "-G", "rsa", "-c", "ek.ctx")
    tpm.tool("flushcontext", "-t")
    tpm.tool("startauthsession", "--policy-session", "-S", "session")
    tpm.tool("policysecret", "-S", "session", "-c", "e")
    where = ("-c", hex(key.state.attestation), "-C", "ek.ctx", "-i", "credential", "-o", "found")
    tpm.tool("activatecredential", *where, "-P", "session:session")
    assert (tpm.folder / "found").read_bytes() == b"s" * 32
    tpm.tool("flushcontext", "session")
    tpm.tool("flushcontext", "-t")


def test_an_endorsement_key_on_p256_works_as_well(tpm: SoftwareTpm) -> None:
    """swtpm's own is RSA; this one gets a certificate of another maker, padded as some are."""
    with connected(tpm.path) as exchange:
        handle, public = Tpm(exchange).create_primary(ENDORSEMENT, ENDORSEMENTS[0].template)
        Tpm(exchange).flush(handle)
    maker = Maker()
    padded = maker.certify(load(parse_public(public))) + bytes(16)
    (tpm.folder / "certificate").write_bytes(padded)
    index = hex(ENDORSEMENTS[0].certificate_index)
    readable = "ppwrite|ppread|ownerread|authread|platformcreate|no_da"
    tpm.tool("nvdefine", index, "-C", "p", "-s", str(len(padded)), "-a", readable)
    tpm.tool("nvwrite", index, "-C", "p", "-i", "certificate")
    key = TpmKey.create(tpm.path)
    challenge, pending = challenge_for(
        TrustedTpmMakers(maker.files), CountedSecrets(), key.evidence(), key.public_der, AT
    )
    assert activated(pending, key.activate(challenge)).key
    assert left_behind(tpm) == ""


def test_a_tpm_without_certificate_says_so(foundry: Foundry, tmp_path: Path) -> None:
    bare = SoftwareTpm(tmp_path)
    (tmp_path / "state").mkdir()
    foundry.made.append(bare)
    bare.on()
    key = TpmKey.create(bare.path)
    assert key.sign(b"x")
    with pytest.raises(DoorwardError, match="tpm-uncertified"):
        key.evidence()


def test_no_tpm_is_an_error_that_says_so(tmp_path: Path) -> None:
    assert not present(tmp_path / "tpmrm0")
    with pytest.raises(DoorwardError, match="tpm-missing"):
        TpmKey.create(tmp_path / "tpmrm0")


@contextmanager
def as_a_device(tpm: SoftwareTpm) -> Iterator[Path]:
    """The software TPM behind something that is written to and read from, as the kernel's is."""
    inside, outside = os.openpty()
    tty.setraw(outside)

    def carry() -> None:
        with connected(tpm.path) as exchange, suppress(OSError):
            while command := os.read(inside, 4096):
                os.write(inside, exchange(command))

    carrier = threading.Thread(target=carry)
    carrier.start()
    try:
        yield Path(os.ttyname(outside))
    finally:
        os.close(outside)
        carrier.join(timeout=10)
        os.close(inside)


def test_a_device_file_works_as_the_socket_does(tpm: SoftwareTpm) -> None:
    with as_a_device(tpm) as path:
        assert present(path)
        key = TpmKey.create(path)
        public = load_der_public_key(key.public_der)
        assert isinstance(public, ec.EllipticCurvePublicKey)
        public.verify(key.sign(b"message"), b"message", ec.ECDSA(hashes.SHA256()))


def test_another_maker_s_roots_do_not_vouch(tpm: SoftwareTpm) -> None:
    key = TpmKey.create(tpm.path)
    for strangers in (TrustedTpmMakers(Maker().files), TrustedTpmMakers()):
        with pytest.raises(AttestationRefusedError, match=r"maker"):
            verify_evidence(strangers, key.evidence(), key.public_der, time.time())


def test_another_tpm_s_endorsement_key_is_not_the_certificate_s(
    tpm: SoftwareTpm, other_tpm: SoftwareTpm, makers: TrustedTpmMakers
) -> None:
    key, other = TpmKey.create(tpm.path), TpmKey.create(other_tpm.path)
    mixed = msgspec.structs.replace(key.evidence(), ek_public=other.evidence().ek_public)
    with pytest.raises(AttestationRefusedError, match="not the one of its certificate"):
        verify_evidence(makers, mixed, key.public_der, time.time())


def test_the_key_of_another_tpm_is_not_certified(
    tpm: SoftwareTpm, other_tpm: SoftwareTpm, makers: TrustedTpmMakers
) -> None:
    """A relay: this TPM's endorsement, the other's attestation key and enrolled key."""
    key, other = TpmKey.create(tpm.path), TpmKey.create(other_tpm.path)
    own, theirs = key.evidence(), other.evidence()
    mixed = msgspec.structs.replace(own, key_public=theirs.key_public)
    with pytest.raises(AttestationRefusedError, match="something else than the enrolled key"):
        verify_evidence(makers, mixed, other.public_der, time.time())
    mixed = msgspec.structs.replace(
        theirs, ek_certificate=own.ek_certificate, ek_public=own.ek_public
    )
    # All of it is signed; only the credential tells that it is two TPMs.
    challenge, pending = challenge_for(
        makers, CountedSecrets(), mixed, other.public_der, time.time()
    )
    for holder in (key, other):
        with pytest.raises(DoorwardError, match="tpm-failed"):
            holder.activate(challenge)
    with pytest.raises(AttestationRefusedError, match="did not find the secret"):
        activated(pending, b"guess" * 6)


def test_a_credential_for_another_attestation_key_is_not_opened(
    tpm: SoftwareTpm, makers: TrustedTpmMakers
) -> None:
    key, other = TpmKey.create(tpm.path), TpmKey.create(tpm.path)
    challenge, _ = challenge_for(
        makers, CountedSecrets(), key.evidence(), key.public_der, time.time()
    )
    with pytest.raises(DoorwardError, match="another key or TPM"):
        other.activate(challenge)
    with pytest.raises(DoorwardError, match="tpm-failed"):
        key.activate(TpmChallenge(credential=b"\x00\x02\x00\x00", secret=b"\x00\x01x"))
    assert left_behind(tpm) == ""


def test_an_attestation_key_that_signs_anything_is_refused(
    tpm: SoftwareTpm, makers: TrustedTpmMakers
) -> None:
    """An unrestricted key could sign a quote that no TPM made."""
    key = TpmKey.create(tpm.path)
    with connected(tpm.path) as exchange:
        device = Tpm(exchange)
        loose, public = device.create_primary(ENDORSEMENT, device_key(os.urandom(32)))
        certify, signature = device.certify(key.state.key, loose, enrolled_data(key.public_der))
        device.flush(loose)
    evidence = msgspec.structs.replace(
        key.evidence(), ak_public=public, key_certify=certify, key_signature=signature
    )
    with pytest.raises(AttestationRefusedError, match="attestation key lacks restricted"):
        verify_evidence(makers, evidence, key.public_der, time.time())


def test_a_restricted_key_signs_nothing_that_the_tpm_did_not_make(tpm: SoftwareTpm) -> None:
    key = TpmKey.create(tpm.path)
    with connected(tpm.path) as exchange, pytest.raises(TpmRefusedError):
        Tpm(exchange).sign(key.state.attestation, hashlib.sha256(b"\xffTCG lie").digest())


def test_a_restricted_key_needs_its_scheme_and_no_cipher(tpm: SoftwareTpm) -> None:
    """What tpm2-tools call ecc:ecdsa-sha256:null; with less or more the TPM refuses it."""
    refused = tpm.tool("createprimary", "-C", "e", "-G", "ecc", "-a", ATTRIBUTES, check=False)
    assert refused == ""
    made = tpm.tool("createprimary", "-C", "e", "-G", "ecc:ecdsa-sha256:null", "-a", ATTRIBUTES)
    assert "restricted" in made
    tpm.tool("flushcontext", "-t")


def test_counts_are_true_in_the_endorsement_hierarchy_only(tpm: SoftwareTpm) -> None:
    """Elsewhere a constant is added to them, and may wrap: such a key is refused (rule 8)."""
    with connected(tpm.path) as exchange:
        device = Tpm(exchange)
        told = []
        for hierarchy in (ENDORSEMENT, OWNER):
            handle, _ = device.create_primary(hierarchy, attestation_key(os.urandom(32)))
            told.append(parse_attest(device.quote(handle, b"", (0,))[0]).reset_count)
            device.flush(handle)
    assert told[0] < 100
    assert told[1] != told[0]


def test_a_changed_register_is_noticed_until_it_is_accepted(
    tpm: SoftwareTpm, makers: TrustedTpmMakers
) -> None:
    key = TpmKey.create(tpm.path)
    record = judge_quote(remembered(challenged(makers, key)), quoting(key), AT + 1).record
    tpm.extend(7)
    judged = judge_quote(record, quoting(key, 2, "nonce-2"), AT + 2)
    assert judged.held
    assert not judged.standing.attested
    assert "the Secure Boot policy (PCR 7)" in judged.standing.why
    assert trust_of_report(judged) is Trust.SIGNED
    tpm.extend(10)  # no register that is quoted
    tpm.restart()
    again = judge_quote(judged.record, quoting(key, 3, "nonce-3"), AT + 3)
    assert again.standing.attested


def test_a_quote_of_other_registers_or_by_another_key_is_refused(
    tpm: SoftwareTpm, makers: TrustedTpmMakers
) -> None:
    key, other = TpmKey.create(tpm.path), TpmKey.create(tpm.path)
    record = remembered(challenged(makers, key))
    with pytest.raises(AttestationRefusedError, match="did not sign the quote"):
        verify_quote(record, quoting(other))
    report = a_report()
    with connected(tpm.path) as exchange:
        attest, signature = Tpm(exchange).quote(
            key.state.attestation, quoted_data(report), (0, 1, 2, 3, 4, 5, 6, 8)
        )
    good = key.quote(quoted_data(report))
    other_pcrs = msgspec.structs.replace(good, attest=attest, signature=signature)
    with pytest.raises(AttestationRefusedError, match="not about PCRs 0 to 7"):
        verify_quote(record, msgspec.structs.replace(report, quote=other_pcrs))
    lied = msgspec.structs.replace(good, pcrs={**good.pcrs, 7: b"\x01" * 32})
    with pytest.raises(AttestationRefusedError, match="other values"):
        verify_quote(record, msgspec.structs.replace(report, quote=lied))


def test_a_replayed_quote_is_refused(tpm: SoftwareTpm, makers: TrustedTpmMakers) -> None:
    key = TpmKey.create(tpm.path)
    record = remembered(challenged(makers, key))
    old = quoting(key)
    judged = judge_quote(record, old, AT + 1)
    replayed = msgspec.structs.replace(a_report(2, "nonce-2"), quote=old.quote)
    with pytest.raises(AttestationRefusedError, match="another report"):
        verify_quote(judged.record, replayed)
    tpm.restart()
    later = judge_quote(judged.record, quoting(key, 2, "nonce-2"), AT + 2)
    assert later.held
    # Even with its own nonce, what was quoted before the restart is older than what came since.
    refused = judge_quote(later.record, old, AT + 3)
    assert "older" in refused.record.refused
    assert not refused.standing.attested
    assert refused.record.measured == later.record.measured


def test_the_signature_is_the_tpm_s_own(tpm: SoftwareTpm) -> None:
    """No CSR is asked of the TPM: TPM2_Certify vouches for the key, and `cryptography` reads it."""
    key = TpmKey.create(tpm.path)
    evidence = key.evidence()
    assert spki(parse_public(evidence.key_public)) == key.public_der
    ak = parse_public(evidence.ak_public)
    assert signed_by(ak, evidence.key_signature, evidence.key_certify)
    assert not signed_by(ak, evidence.key_signature, evidence.key_certify + b"x")


def test_power_that_fails_locks_no_key_out(tpm: SoftwareTpm) -> None:
    """Without noDA each failure counts as a guess, and the TPM locks after some."""
    key = TpmKey.create(tpm.path)
    for _ in range(5):
        tpm.kill()
        tpm.on()
        assert key.sign(b"x")
    assert key.quote(bytes(32)).pcrs
