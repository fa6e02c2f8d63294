"""What strangers and devices send: malformed is refused in plain words, and changes nothing."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import httpx
import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import example, given, settings
from hypothesis import strategies as st

from doorward.adapters import ca
from doorward.adapters.device_authority import LocalDeviceAuthority
from doorward.administrator.fleet.ports import IssuedCertificate
from doorward.entrypoints.fleet.app import app
from doorward.errors import DoorwardError
from doorward.model.ids import DeviceId
from doorward.model.spiffe import device_spiffe_id
from doorward.protocol.agent import DEVICES, ENROLMENTS, SIGNATURE_HEADER
from tests.fakes.device_pairs import csr_for
from tests.fakes.enrolments import Applicant
from tests.fakes.fleet import AT, fleet_on
from tests.fakes.store import MemoryStore, control_plane

PRIVATE = ec.generate_private_key(ec.SECP256R1())
CSR = csr_for(PRIVATE)
SIGNED = x509.load_der_x509_csr(CSR).tbs_certrequest_bytes
AUTHORITY = LocalDeviceAuthority(ca.create_authority("device CA", AT))
NAME = device_spiffe_id("corp.test", DeviceId("laptop"), "a" * 64)
NULL_PARAMETERS = CSR.replace(
    bytes.fromhex("301306072a8648ce3d020106082a8648ce3d030107"),
    bytes.fromhex("300906072a8648ce3d02010500"),
)
"""As tpm2-openssl 1.1.1 writes keys: with NULL where the curve is named."""
ANOTHER_VERSION = CSR.replace(b"\x02\x01\x00", b"\x02\x01\x01", 1)

PATHS = (
    ENROLMENTS,
    f"{ENROLMENTS}/x",
    f"{DEVICES}/x/certificate",
    f"{DEVICES}/x/workloads",
)

_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)
_fields = {
    "name": st.text(max_size=80),
    "platform": st.sampled_from(["linux", "macos", "beos", ""]),
    "agent_version": st.text(max_size=40),
    "public_key": st.binary(max_size=120).map(lambda raw: base64.b64encode(raw).decode()),
    "code": st.text(max_size=50),
    "tpm": st.none() | st.dictionaries(st.text(max_size=10), st.text(max_size=10), max_size=6),
}
bodies = (
    st.binary(max_size=200)
    | _json.map(msgspec.json.encode)
    | st.fixed_dictionaries({}, optional={key: item | _json for key, item in _fields.items()}).map(
        msgspec.json.encode
    )
)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A real request, a few of whose bytes are others, with some cut off or put in."""
    raw = bytearray(CSR)
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(raw) - 1))
        act = draw(st.sampled_from(("change", "cut", "insert")))
        if act == "change":
            raw[place] ^= draw(st.integers(1, 255))
        elif act == "cut" and len(raw) > 1:
            del raw[place]
        else:
            raw.insert(place, draw(st.integers(0, 255)))
    return bytes(raw)


def issue(csr: bytes) -> IssuedCertificate | str:
    try:
        return AUTHORITY.issue(csr, NAME, AT, 60.0)
    except DoorwardError as error:
        return error.code


@settings(max_examples=300)
@given(st.binary(max_size=400) | mutated())
@example(b"")
@example(NULL_PARAMETERS)
@example(ANOTHER_VERSION)
def test_a_csr_is_good_or_malformed_and_nothing_else(csr: bytes) -> None:
    """ECDSA's own malleability aside, no other bytes than the signed ones get a certificate."""
    answer = issue(csr)
    if isinstance(answer, IssuedCertificate):
        assert x509.load_der_x509_csr(csr).tbs_certrequest_bytes == SIGNED
        certificate = x509.load_der_x509_certificate(answer.certificate)
        assert certificate.public_key() == PRIVATE.public_key()
    else:
        assert answer == "csr-malformed"


def test_the_real_one_is_good_and_the_one_with_null_parameters_is_not() -> None:
    assert isinstance(issue(CSR), IssuedCertificate)
    for other in (NULL_PARAMETERS, ANOTHER_VERSION):
        assert other != CSR
        assert issue(other) == "csr-malformed"


async def posted(path: str, body: bytes, signature: str) -> tuple[httpx.Response, bool]:
    store = MemoryStore()
    fleet = fleet_on(control_plane(store))
    before = str(store.content())
    transport = httpx.ASGITransport(app(fleet, lambda: AT))
    async with httpx.AsyncClient(transport=transport, base_url="https://auth.corp.test") as client:
        answer = await client.post(path, content=body, headers={SIGNATURE_HEADER: signature})
    async with store.transaction() as transaction:
        entries = await transaction.audit.entries(after=0, limit=10)
    changed = before != str(store.content()) and not entries
    return answer, changed or bool(fleet.control.live.current.devices)


@settings(max_examples=150)
@given(
    st.sampled_from(
        (ENROLMENTS, f"{ENROLMENTS}/x", f"{DEVICES}/x/certificate", f"{DEVICES}/x/workloads")
    ),
    bodies,
    st.text(alphabet="abcDEF019-_=+/", max_size=96),
)
def test_whatever_a_stranger_posts_is_a_problem_and_changes_nothing(
    path: str, body: bytes, signature: str
) -> None:
    answer, changed = asyncio.run(posted(path, body, signature))
    assert 400 <= answer.status_code < 500
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert problem["code"]
    assert problem["remedy"]
    assert not changed


@settings(max_examples=60)
@given(st.dictionaries(st.sampled_from(sorted(_fields)), _json, min_size=1), st.data())
def test_a_signed_request_that_makes_no_sense_is_refused_too(
    changes: dict[str, Any], data: st.DataObject
) -> None:
    """What is signed is believed no more than what is not."""
    fleet = fleet_on(control_plane(MemoryStore()))
    applicant = Applicant(fleet)
    asked = msgspec.to_builtins(applicant.request()) | changes
    body = msgspec.json.encode(asked)
    if data.draw(st.booleans()):
        body = body[: data.draw(st.integers(0, len(body)))]
    message = applicant.device.signed(ENROLMENTS, body)
    answer, changed = asyncio.run(posted(ENROLMENTS, message.body, message.signature))
    started = answer.status_code == 200
    assert started or 400 <= answer.status_code < 500
    assert started or not changed
