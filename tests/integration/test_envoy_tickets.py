"""Tickets, proved on the real Envoy: which are taken, and what happens to all others."""

from __future__ import annotations

import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator

import pytest

from doorward.adapters.ticket_signer import Es256Signer
from doorward.enforcement.envoy.check import IDENTITY_HEADERS, binding
from doorward.enforcement.envoy.ticket import (
    BINDING_HEADER,
    EPOCH_HEADER,
    SCOPE_HEADER,
    TICKET_COOKIE,
)
from doorward.entrypoints.ext_authz.http_server import HttpRequest, HttpResponse
from doorward.entrypoints.gateway.records import ticket_record
from doorward.model.estate import Action
from doorward.model.ids import DecisionId, GatewayId
from tests.integration.boundary_stand import Stand, allow, deny
from tests.integration.boundary_wire import Wire


@pytest.fixture(scope="module")
def stand() -> Iterator[Stand]:
    running = Stand()
    yield running
    running.close()


@pytest.fixture
def wire(stand: Stand) -> Iterator[Wire]:
    stand.check.questions.clear()
    stand.check.answer = deny
    with Wire(stand.plain) as connection:
        yield connection


def test_a_good_ticket_is_let_in_without_a_question(stand: Stand, wire: Wire) -> None:
    answer = wire.get("/a?b=c", stand.ticket())
    assert answer.status == 200
    assert answer.echo["line"] == "GET /a?b=c HTTP/1.1"
    assert [answer.seen(name) for name in IDENTITY_HEADERS] == [
        ["alice"],
        ["alice@example.com"],
        ["Alice"],
        ["staff,hr"],
        ["ses_alice"],
        ["assertion.of.alice"],
        ["dec_1;snapshot=3"],
    ]
    assert [name for name, _ in answer.echo["headers"] if name.startswith("doorward-ticket")] == []
    assert not stand.check.questions


def test_claims_that_a_client_sends_as_headers_are_none(stand: Stand, wire: Wire) -> None:
    claims = (
        f"{SCOPE_HEADER}: {stand.scope('hr', 'read')}",
        f"{EPOCH_HEADER}: {stand.epoch}",
        f"{BINDING_HEADER}: 127.0.0.1:",
    )
    assert wire.get("/", *claims).status == 403
    assert wire.get("/", *claims, stand.ticket("wiki")).status == 403


def resigned(stand: Stand, header: bytes) -> str:
    """The good ticket under another header, without a signature."""
    payload = stand.ticket().partition("=")[2].split(".")[1]
    encoded = urlsafe_b64encode(header).rstrip(b"=").decode()
    return f"cookie: {TICKET_COOKIE}={encoded}.{payload}."


def wrong_key(stand: Stand) -> str:
    own, stand.signer = stand.signer, Es256Signer()
    try:
        return stand.ticket()
    finally:
        stand.signer = own


def forged(stand: Stand) -> str:
    good = stand.ticket()
    _, payload, signature = good.partition("=")[2].split(".")
    header = good.partition("=")[2].split(".")[0]
    other = stand.ticket(sub="carol").partition("=")[2].split(".")[1]
    assert other != payload
    return f"cookie: {TICKET_COOKIE}={header}.{other}.{signature}"


BAD: dict[str, Callable[[Stand], str]] = {
    "none": lambda stand: "cookie: other=1",
    "garbage": lambda stand: f"cookie: {TICKET_COOKIE}=x.y.z",
    "forged": forged,
    "wrong-key": wrong_key,
    "alg-none": lambda stand: resigned(stand, b'{"alg":"none"}'),
    "alg-hs256": lambda stand: resigned(stand, b'{"alg":"HS256"}'),
    "expired": lambda stand: stand.ticket(exp=int(time.time()) - 5),
    "no-expiry": lambda stand: stand.ticket(exp=0),
    "old-epoch": lambda stand: stand.ticket(epo=str(stand.epoch - 1)),
    "no-epoch": lambda stand: stand.ticket(epo=""),
    "foreign-resource": lambda stand: stand.ticket("wiki"),
    "other-action": lambda stand: stand.ticket("hr", "write"),
    "no-scope": lambda stand: stand.ticket(scp=""),
    "other-rules": lambda stand: stand.ticket(scp="hr read 0123456789abcdef"),
    "scope-with-more": lambda stand: stand.ticket(scp=stand.scope("hr", "read") + " "),
    "other-address": lambda stand: stand.ticket(bnd=binding("127.0.0.2", None)),
    "shorter-address": lambda stand: stand.ticket(bnd=binding("127.0.0.11", None)),
    "certificate": lambda stand: stand.ticket(bnd=stand.thumbprint),
    "two": lambda stand: f"{stand.ticket('wiki')}; {stand.ticket('hr', 'write').partition(' ')[2]}",
}


@pytest.mark.parametrize("name", BAD)
def test_any_other_ticket_leads_to_the_decision_process(
    stand: Stand, wire: Wire, name: str
) -> None:
    answer = wire.get("/", BAD[name](stand))
    assert answer.status == 403
    assert len(stand.check.questions) == 1


def test_claims_of_a_useless_ticket_never_reach_the_upstream(stand: Stand, wire: Wire) -> None:
    stand.check.answer = allow
    answer = wire.get("/", stand.ticket("wiki"))
    assert [answer.seen(name) for name in IDENTITY_HEADERS] == [
        ["bob"],
        ["bob@example.com"],
        ["Bob"],
        ["staff"],
        ["ses_bob"],
        ["assertion.of.bob"],
        ["dec_2;snapshot=3"],
    ]


def test_an_empty_identity_header_displaces_the_claim_too(stand: Stand, wire: Wire) -> None:
    def service(request: HttpRequest) -> HttpResponse:
        answer = allow(request)
        answer.headers = [
            (name, value if name == "doorward-user" else "") for name, value in answer.headers
        ]
        return answer

    stand.check.answer = service
    answer = wire.get("/", stand.ticket("wiki"))
    assert answer.seen("doorward-user") == ["bob"]
    for name in IDENTITY_HEADERS[1:]:
        assert answer.seen(name) in ([], [""])


def test_a_ticket_bound_to_a_certificate_works_with_it_only(stand: Stand) -> None:
    stand.check.answer = deny
    bound = stand.ticket(bnd=binding("127.0.0.1", stand.thumbprint))
    with Wire(stand.tls, stand.client_tls(device=True)) as with_device:
        assert with_device.get("/", bound).status == 200
    with Wire(stand.tls, stand.client_tls()) as without:
        assert without.get("/", bound).status == 403


def test_a_ticket_stays_out_of_the_query_and_of_authorization(stand: Stand, wire: Wire) -> None:
    token = stand.ticket().partition("=")[2]
    assert wire.get(f"/?access_token={token}").status == 403
    assert wire.get("/", f"authorization: Bearer {token}").status == 403


def test_moving_the_epoch_voids_tickets_on_an_open_connection(stand: Stand, wire: Wire) -> None:
    took = []
    for _ in range(20):
        ticket = stand.ticket()
        assert wire.get("/", ticket).status == 200
        start = time.perf_counter()
        stand.move_epoch()
        while wire.get("/", ticket).status == 200:
            assert time.perf_counter() - start < 1
        took.append(time.perf_counter() - start)
        assert wire.get("/", stand.ticket()).status == 200
    assert sorted(took)[len(took) // 2] < 0.05


def test_a_service_token_rides_on_no_ticket(stand: Stand, wire: Wire) -> None:
    for value in ("Bearer dwt_1.s", "bearer DWT_1.s", "Basic x, Bearer dwt_1.s"):
        stand.check.questions.clear()
        assert wire.get("/", stand.ticket(), f"authorization: {value}").status == 403
        assert stand.check.questions[0].headers["authorization"] == [value]


@pytest.mark.parametrize(
    ("method", "path", "action"),
    [
        ("GET", "/", "read"),
        ("HEAD", "/x", "read"),
        ("OPTIONS", "/x", "read"),
        ("POST", "/x", "write"),
        ("DELETE", "/x", "write"),
        ("PATCH", "/search", "write"),
        ("POST", "/search", "read"),
        ("POST", "/SEARCH?q=1", "read"),
        ("POST", "/reports", "read"),
        ("DELETE", "/Reports/1", "read"),
        ("POST", "/reports2", "write"),
        ("GET", "/admin", "write"),
        ("GET", "/ADMIN/x", "write"),
        ("GET", "/reports/../admin", "write"),
        ("GET", "/reports/%2e%2e/admin", "write"),
        ("GET", "//admin", "write"),
        ("GET", "/./admin", "write"),
        ("GET", "/%61dmin", "write"),
        ("GET", "/a;/../admin", "write"),
    ],
)
def test_a_ticket_opens_its_own_action_class_only(
    stand: Stand, wire: Wire, method: str, path: str, action: Action
) -> None:
    other: Action = "write" if action == "read" else "read"
    assert wire.ask(method, path, stand.ticket("hr", other)).status == 403
    assert wire.ask(method, path, stand.ticket("hr", action)).status == 200


@pytest.mark.parametrize("path", ["/reports/a;b", "/x%20y", "/x%3By", "/caf\xe9"])
@pytest.mark.parametrize("action", ["read", "write"])
def test_a_path_with_two_readings_takes_no_ticket(
    stand: Stand, wire: Wire, path: str, action: Action
) -> None:
    assert wire.get(path, stand.ticket("hr", action)).status in {400, 403}


def test_ticketed_requests_are_logged_and_no_others(stand: Stand, wire: Wire) -> None:
    wire.get("/denied", stand.ticket("wiki", dec="dec_denied;snapshot=3"))
    wire.ask("POST", "/search?q=secret", stand.ticket(dec="dec_logged;snapshot=3"), body=b"{}")
    wire.get("/", stand.ticket(dec="dec_last;snapshot=3"))
    records = [
        ticket_record(GatewayId("edge"), line.encode()) for line in stand.ticketed("dec_last")
    ]
    assert None not in records
    found = {record.decision: record for record in records if record is not None}
    assert "dec_denied" not in found
    record = found[DecisionId("dec_logged")]
    assert (record.session, record.subject, record.snapshot) == ("ses_alice", "alice", 3)
    assert (record.resource, record.action) == ("hr", "read")
    assert (record.method, record.path, record.address) == ("POST", "/search", "127.0.0.1")
    assert record.device == ""
    assert abs(record.at - time.time()) < 5


def test_a_record_names_the_device(stand: Stand) -> None:
    bound = stand.ticket(bnd=binding("127.0.0.1", stand.thumbprint), dec="dec_device;snapshot=3")
    with Wire(stand.tls, stand.client_tls(device=True)) as wire:
        assert wire.get("/", bound).status == 200
    record = ticket_record(GatewayId("edge"), stand.ticketed("dec_device")[-1].encode())
    assert record is not None
    assert record.device == "laptop"
