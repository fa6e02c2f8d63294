"""Who asks: every way to be somebody else at the console must fail."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json

import pytest

from doorward.adapters.ticket_signer import Es256Signer
from doorward.administrator.control_plane import Act
from doorward.administrator.set_standing import disable_user
from doorward.entrypoints.actors import Actor, OperatorSocket
from doorward.errors import DoorwardError
from doorward.model.estate import User
from doorward.model.ids import UserId
from doorward.model.snapshot import change, removal
from tests.fakes.office import CONSOLE, NOON, Office, office


@pytest.fixture
async def company() -> Office:
    return await office()


def actor(company: Office, headers: dict[str, str], method: str = "GET") -> Actor:
    return company.gateway_assertion().actor(method, headers, company.now)


def refused(company: Office, headers: dict[str, str], method: str = "GET") -> str:
    with pytest.raises(DoorwardError) as caught:
        actor(company, headers, method)
    return caught.value.code


def test_the_operator_needs_nothing_but_the_socket() -> None:
    assert OperatorSocket().actor("POST", {}, NOON).id == "operator"


async def test_a_gateways_assertion_names_the_actor(company: Office) -> None:
    found = actor(company, company.headers())
    assert found == Actor("user:alice", "Alice Adams", "ses_alice")
    assert found.act(NOON) == Act("user:alice", NOON)


async def test_a_service_acts_under_its_own_name(company: Office) -> None:
    assert actor(company, company.headers(sub="service:reports", sid="")).id == "service:reports"


@pytest.mark.parametrize(
    "changed",
    [
        {"aud": "payroll"},
        {"iss": "https://auth.elsewhere.test"},
        {"exp": int(NOON)},
        {"iat": int(NOON) + 60, "exp": int(NOON) + 90},
        {"exp": int(NOON) + 3600},
        {"sub": "mallory"},
        {"sub": "service:unknown"},
        {"sub": ""},
    ],
    ids=",".join,
)
async def test_a_foreign_or_stale_assertion_is_refused(
    company: Office, changed: dict[str, object]
) -> None:
    assert refused(company, company.headers(**changed)) == "not-authenticated"


async def test_without_an_assertion_nobody_is_anybody(company: Office) -> None:
    pretended = {"doorward-user": "alice", "authorization": "Bearer x", "cookie": "a=b"}
    for headers in ({}, pretended, {"doorward-assertion": ""}, {"doorward-assertion": "a.b.c"}):
        assert refused(company, headers) == "not-authenticated"


async def test_another_key_does_not_sign_for_the_gateway(company: Office) -> None:
    forged = Es256Signer("JWT").sign(company.claims())
    assert refused(company, {"doorward-assertion": forged}) == "not-authenticated"


async def test_an_altered_assertion_is_refused(company: Office) -> None:
    header, payload, signature = company.headers()["doorward-assertion"].split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    altered = base64.urlsafe_b64encode(json.dumps({**claims, "sub": "bob"}).encode())
    forged = f"{header}.{altered.decode().rstrip('=')}.{signature}"
    assert refused(company, {"doorward-assertion": forged}) == "not-authenticated"


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
async def test_no_other_algorithm_is_believed(company: Office, algorithm: str) -> None:
    def encode(value: bytes) -> str:
        return base64.urlsafe_b64encode(value).decode().rstrip("=")

    payload = company.headers()["doorward-assertion"].split(".")[1]
    kid = company.signer.jwk["kid"]
    signed = encode(json.dumps({"alg": algorithm, "kid": kid}).encode()) + "." + payload
    public = json.dumps(company.signer.jwk).encode()
    mac = b"" if algorithm == "none" else hmac.digest(public, signed.encode(), hashlib.sha256)
    forged = f"{signed}.{encode(mac)}"
    assert refused(company, {"doorward-assertion": forged}) == "not-authenticated"


async def test_a_disabled_person_is_refused_even_with_a_fresh_assertion(company: Office) -> None:
    await disable_user(company.control, Act("operator", NOON), UserId("alice"))
    assert refused(company, company.headers()) == "not-authenticated"


async def test_a_person_named_like_a_service_is_neither(company: Office) -> None:
    person = User(id=UserId("service:reports"), name="x", email="x@example.test")
    async with company.store.transaction() as transaction:
        await transaction.snapshot.publish([change("user", person)])
    headers = company.headers(sub="service:reports", sid="")
    assert refused(company, headers) == "not-authenticated"


async def test_without_a_console_resource_no_assertion_is_meant_for_it(company: Office) -> None:
    async with company.store.transaction() as transaction:
        await transaction.snapshot.publish([removal("resource", "console")])
    assert refused(company, company.headers()) == "not-authenticated"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "get"])
@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site", "origin": CONSOLE},
        {"sec-fetch-site": "none"},
        {"origin": "null"},
        {"origin": "https://evil.test"},
        {"origin": f"{CONSOLE}.evil.test"},
    ],
    ids=str,
)
async def test_a_change_from_another_site_is_refused(
    company: Office, method: str, sent: dict[str, str]
) -> None:
    assert refused(company, {**company.headers(), **sent}, method) == "cross-site-request"


@pytest.mark.parametrize(
    "sent", [{"sec-fetch-site": "same-origin", "origin": "null"}, {"origin": CONSOLE}], ids=str
)
async def test_a_change_from_a_page_of_the_console_is_accepted(
    company: Office, sent: dict[str, str]
) -> None:
    assert actor(company, {**company.headers(), **sent}, "POST").id == "user:alice"


async def test_a_service_has_no_browser_to_be_tricked(company: Office) -> None:
    headers = company.headers(sub="service:reports", sid="")
    assert actor(company, headers, "POST").id == "service:reports"
