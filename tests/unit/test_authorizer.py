"""ext_authz answers: who gets in with what, and what everybody else is told."""

from __future__ import annotations

import json
from hashlib import sha256
from urllib.parse import parse_qs, urlsplit

import pytest

from doorward.model.identity import Standing
from doorward.model.ids import UserId
from doorward.model.snapshot import change
from doorward.protocol.ticket import AssertionClaims, TicketClaims
from tests.fakes.certificates import certificate, header_of, workload_certificate
from tests.unit.gateway_world import BEARER, NOW, SESSION, World, header, hosted, signed_in

BROWSER = {"sec_fetch_mode": "navigate", "sec_fetch_dest": "document", "accept": "text/html"}


def test_a_session_gets_identity_assertion_and_ticket() -> None:
    world = World()
    response = world.ask("/page?x=1", **signed_in())
    assert response.status == 200
    assert dict(response.headers) | {"set-cookie": ""} == {
        "doorward-user": "alice",
        "doorward-email": "alice@example.org",
        "doorward-name": "Alice",
        "doorward-groups": "",
        "doorward-session": "ses_1",
        "doorward-assertion": "token-1",
        "doorward-decision": "dec_1;snapshot=2",
        "set-cookie": "",
    }
    assert header(response, "set-cookie").startswith("__Host-doorward-ticket=token-1; Path=/;")
    (ticket,) = world.tickets.claims
    assert isinstance(ticket, TicketClaims)
    assert ticket.scp.startswith("wiki read ")
    assert (ticket.epo, ticket.bnd, ticket.sid) == ("7", "192.0.2.1:", "ses_1")
    assert NOW + 10 < ticket.exp <= NOW + 15 - 1
    (record,) = world.log.records
    assert (record.outcome, record.source, record.path) == ("allow", "engine", "/page")
    assert record.id == record.decision
    assert ticket.dec == f"{record.id};snapshot={record.snapshot}"
    assert header(response, "doorward-decision") == ticket.dec


def test_a_client_that_asks_again_at_once_gets_the_same_ticket() -> None:
    world = World()
    first = header(world.ask(**signed_in()), "set-cookie")
    assert header(world.ask("/other", **signed_in()), "set-cookie") == first
    others = [
        world.ask("/", "POST", **signed_in()),
        world.ask(**signed_in(doorward_check_address="192.0.2.2")),
        world.ask(**signed_in(doorward_check_certificate=header_of(certificate("laptop")))),
    ]
    assert first not in [header(other, "set-cookie") for other in others]
    world.point.epoch += 1
    second = header(world.ask(**signed_in()), "set-cookie")
    assert second != first
    world.clock.time += 2
    assert header(world.ask(**signed_in()), "set-cookie") != second
    world.clock.time -= 3
    assert header(world.ask(**signed_in()), "set-cookie") != second


def test_an_assertion_is_for_one_resource_and_reused_while_fresh() -> None:
    world = World()
    for _ in range(3):
        world.ask(**signed_in())
    (claims,) = world.assertions.claims
    assert isinstance(claims, AssertionClaims)
    assert (claims.aud, claims.iss, claims.sub) == (
        "wiki",
        "https://auth.doorward.localhost",
        "alice",
    )
    assert claims.exp - claims.iat == 60
    world.clock.time += 41
    world.ask(**signed_in())
    assert len(world.assertions.claims) == 2


def test_the_action_follows_the_resources_rules() -> None:
    world = World()
    world.ask("/admin/x", **signed_in())
    world.ask("/", "POST", **signed_in())
    assert [record.action for record in world.log.records] == ["write", "write"]


def test_a_certificate_binds_the_ticket() -> None:
    world = World()
    world.ask(**signed_in(doorward_check_certificate=header_of(certificate("laptop"))))
    (ticket,) = world.tickets.claims
    assert isinstance(ticket, TicketClaims)
    assert ticket.bnd == certificate("laptop").thumbprint


def test_a_ticket_ends_before_time_alone_would_change_the_answer() -> None:
    world = World(change("session", SESSION))
    world.clock.time = SESSION.expires_at - 6
    response = world.ask(**signed_in())
    assert response.status == 200
    (ticket,) = world.tickets.claims
    assert ticket.exp + 1 < SESSION.expires_at
    world.clock.time = SESSION.expires_at - 2
    assert header(world.ask(**signed_in()), "set-cookie") == ""


def test_without_an_epoch_in_force_no_ticket_is_made() -> None:
    world = World()
    world.point.epoch = 0
    response = world.ask(**signed_in())
    assert response.status == 200
    assert header(response, "set-cookie") == ""


def test_a_service_token_gets_in_without_a_ticket() -> None:
    world = World()
    response = world.ask(authorization=BEARER)
    assert response.status == 200
    assert header(response, "doorward-user") == "service:backup"
    assert header(response, "set-cookie") == ""
    assert world.ask(host="payroll.doorward.localhost", authorization=BEARER).status == 403


def test_a_service_gets_in_by_its_certificate_without_a_ticket() -> None:
    world = World()
    hosted(world)
    shown = header_of(workload_certificate("backup", "mill"))
    answer = world.ask(doorward_check_certificate=shown)
    assert (answer.status, header(answer, "doorward-user")) == (200, "service:backup")
    assert header(answer, "set-cookie") == ""
    record = world.log.records[-1]
    assert (record.subject, record.device) == ("service:backup", "mill")


def test_a_service_with_another_credential_is_refused_whatever_that_is_worth() -> None:
    world = World()
    hosted(world)
    shown = header_of(workload_certificate("backup", "mill"))
    unknown = {"cookie": f"__Host-doorward-session={'x' * 43}"}
    for headers in (signed_in(), {"authorization": BEARER}, unknown):
        answer = world.ask(**headers, doorward_check_certificate=shown)
        assert answer.status == 400
        assert world.log.records[-1].reason == "request-refused"


def test_an_upgrade_gets_a_stream_and_no_ticket() -> None:
    world = World()
    response = world.ask(**signed_in(upgrade="websocket"))
    assert response.status == 200
    assert len(header(response, "doorward-stream")) >= 32
    assert header(response, "set-cookie") == ""
    assert len(world.streams) == 1


def test_what_envoy_sends_through_the_relay_gets_a_stream_and_no_ticket() -> None:
    """Envoy says which route it took; what a request looks like decides nothing here."""
    world = World()
    response = world.ask(**signed_in(doorward_check_route="relayed"))
    assert len(header(response, "doorward-stream")) >= 32
    assert header(response, "set-cookie") == ""
    response = world.ask(**signed_in(accept="text/event-stream", doorward_check_route="asked"))
    assert header(response, "doorward-stream") == ""
    assert len(world.streams) == 1


def test_a_browser_without_a_session_is_sent_to_sign_in_bound_to_its_flow() -> None:
    response = World().ask("/page?x=1", **BROWSER)
    assert response.status == 302
    address = urlsplit(header(response, "location"))
    assert (address.scheme, address.netloc, address.path) == (
        "http",
        "auth.doorward.localhost:8080",
        "/start",
    )
    query = parse_qs(address.query)
    assert query["resource"] == ["wiki"]
    assert query["return"] == ["/page?x=1"]
    assert query["flow"] == [sha256(b"f" * 43).hexdigest()]
    assert header(response, "set-cookie").startswith(f"__Host-doorward-flow={'f' * 43}; Path=/;")
    assert header(response, "cache-control") == "no-store"


def test_a_second_tab_keeps_the_flow() -> None:
    response = World().ask(cookie=f"__Host-doorward-flow={'g' * 43}", **BROWSER)
    assert header(response, "set-cookie") == ""
    assert sha256(b"g" * 43).hexdigest() in header(response, "location")


@pytest.mark.parametrize("target", ["//evil.example/", "/\\evil.example", "/" + "x" * 3000])
def test_the_way_back_stays_on_the_host(target: str) -> None:
    response = World().ask(target, **BROWSER)
    query = parse_qs(urlsplit(header(response, "location")).query)
    assert query["return"] == ["/"]


def test_a_program_without_a_session_gets_problem_json() -> None:
    world = World()
    response = world.ask()
    assert response.status == 401
    assert header(response, "content-type") == "application/problem+json"
    assert header(response, "www-authenticate") == 'Bearer realm="doorward"'
    problem = json.loads(response.body)
    assert problem["reason"] == "not-signed-in"
    assert problem["decision"] == world.log.records[0].id


def test_a_cookie_of_another_resource_is_not_signed_in() -> None:
    world = World()
    assert world.ask(host="payroll.doorward.localhost", **signed_in()).status == 401
    assert world.log.records[0].reason == "not-signed-in"


def test_a_denied_person_sees_a_page_with_the_decisions_id() -> None:
    world = World(change("standing", Standing(id=UserId("alice"), disabled=True)))
    response = world.ask(**BROWSER, **signed_in())
    assert response.status == 403
    assert header(response, "cache-control") == "no-store"
    assert "default-src 'none'" in header(response, "content-security-policy")
    (record,) = world.log.records
    assert record.reason == "user-disabled"
    assert record.id in response.body.decode()


@pytest.mark.parametrize(
    "headers",
    [
        signed_in(authorization=BEARER),
        {"cookie": "__Host-doorward-session=a; __Host-doorward-session=b"},
        {"host": ""},
        {"host": "wiki.doorward.localhost:port"},
        {"doorward_check_address": "not an address"},
        {"doorward_check_address": ""},
        {"doorward_check_certificate": "xyz"},
    ],
)
def test_what_can_be_read_in_two_ways_is_refused_and_recorded(headers: dict[str, str]) -> None:
    world = World()
    response = world.ask(**headers)
    assert response.status == 400
    assert [record.reason for record in world.log.records] == ["request-refused"]


def test_another_host_is_no_resource() -> None:
    world = World()
    assert world.ask(host="nothing.doorward.localhost", **signed_in()).status == 403
    assert world.ask(host="wiki.example.org", **signed_in()).status == 403
    assert {record.reason for record in world.log.records} == {"resource-unknown"}


def test_no_record_no_allow() -> None:
    world = World()
    world.log.broken = True
    response = world.ask(**signed_in())
    assert response.status == 403
    assert json.loads(response.body)["reason"] == "log-unavailable"
    assert world.tickets.claims == []


def test_before_the_first_frame_and_after_the_last_everything_is_denied() -> None:
    world = World()
    world.point.prepared = None
    assert world.ask(**signed_in()).status == 403
    world.publish(expires_at=NOW + 5)
    assert world.ask(**signed_in()).status == 200
    world.clock.time = NOW + 5
    assert world.ask(**signed_in()).status == 403
    assert world.log.records[-1].reason == "snapshot-expired"


def test_a_clock_that_ran_back_denies() -> None:
    world = World()
    world.clock.trusted = False
    assert world.ask(**signed_in()).status == 403


def test_a_defect_denies(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    world.tickets.sign = None  # type: ignore[method-assign, assignment]
    assert world.ask(**signed_in()).status == 403
    assert "could not be answered" in caplog.text


@pytest.mark.parametrize("routed", ["payroll", "Wiki", ""])
def test_what_envoy_would_send_to_another_resource_is_denied(routed: str) -> None:
    world = World()
    answer = world.ask(**signed_in(doorward_check_resource=routed))
    assert answer.status == 403
    (record,) = world.log.records
    assert (record.outcome, record.reason) == ("deny", "resource-unknown")


def test_a_long_path_is_recorded_in_part() -> None:
    world = World()
    world.ask("/" + "a" * 50_000)
    (record,) = world.log.records
    assert record.path == "/" + "a" * 2047


FOREIGN: list[dict[str, str]] = [
    {"origin": "http://reports.doorward.localhost:8080", "sec_fetch_site": "same-site"},
    {"origin": "http://reports.doorward.localhost:8080"},
    {"origin": "https://wiki.doorward.localhost:8080"},
    {"origin": "http://evil.example", "sec_fetch_site": "cross-site"},
    {"origin": "null"},
    {"sec_fetch_site": "cross-site"},
]


@pytest.mark.parametrize("headers", FOREIGN)
def test_another_sites_page_neither_writes_nor_opens_a_stream(headers: dict[str, str]) -> None:
    world = World()
    for method, upgrade in (("POST", ""), ("DELETE", ""), ("GET", "websocket")):
        response = world.ask("/", method, **signed_in(upgrade=upgrade, **headers))
        assert response.status == 400, (method, upgrade)
    assert {record.reason for record in world.log.records} == {"request-refused"}


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://wiki.doorward.localhost:8080", "sec_fetch_site": "same-origin"},
        {"origin": "null", "sec_fetch_site": "same-origin"},
        {"sec_fetch_site": "none"},
        {},
    ],
)
def test_a_page_of_the_resource_itself_may(headers: dict[str, str]) -> None:
    response = World().ask("/", "GET", **signed_in(upgrade="websocket", **headers))
    assert response.status == 200
