"""Who may use one area of the console reaches no other, however a request is spelt.

The gateway's decision process and the console stand here as they are; what the one asserts is
handed to the other. Every request that the gateway lets in is delivered as it was spelt, without
Envoy's normalisation before it, and must still find nothing of another area.
"""

from __future__ import annotations

import re
from itertools import product
from urllib.parse import unquote

import httpx
import msgspec
import pytest
from starlette.types import Message, Receive, Scope, Send

from doorward.enforcement.envoy.routes import route_configuration
from doorward.entrypoints.console.app import app
from doorward.entrypoints.ext_authz.http_server import HttpResponse
from doorward.model.areas import AREAS, Area, area_of
from doorward.model.estate import ActionRule, Policy
from doorward.model.ids import PolicyId, ResourceId
from doorward.model.snapshot import change
from doorward.protocol.ticket import AssertionClaims, TicketClaims
from tests.architecture.test_endpoint_authorization import Endpoint, endpoints
from tests.fakes.office import CONSOLE, Office, office
from tests.property.route_matching import chosen, envoy_settings
from tests.unit.gateway_world import World, header, signed_in
from tests.unit.test_console import SHOWN
from tests.unit.test_console_decided import KNOWN, READS, world
from tests.unit.test_people_credentials import turn_off

HOST = "console.doorward.localhost:8080"
OWN = {"sec_fetch_site": "same-origin"}
HTMX = {"hx_request": "true", "hx_current_url": f"{CONSOLE}/identity"}


@pytest.fixture
async def company() -> Office:
    return await office()


def policy(area: str, action: str = "action") -> str:
    return (
        f'permit(principal == User::"alice", {action}, resource == Resource::"console")'
        f' when {{ context has area && context.area == Area::"{area}" }};'
    )


def gateway(area: str, action: str = "action") -> World:
    """A decision process whose policy lets alice into one area."""
    return gateway_of(policy(area, action))


def gateway_of(policy: str, rules: tuple[ActionRule, ...] = ()) -> World:
    """A decision process with this policy, and a console that has these rules."""
    made = world(None)
    text = f'@id("p")\n{policy}'
    made.publish(change("policy", Policy(id=PolicyId("p"), text=text, file="p.cedar", line=1)))
    console = made.snapshot.resources[ResourceId("console")]
    made.publish(change("resource", msgspec.structs.replace(console, rules=rules)))
    return made


async def permit(company: Office, text: str) -> None:
    """Have the office's policy about the console say this."""
    current = company.control.live.current.policies[PolicyId("console-for-alice")]
    changed = msgspec.structs.replace(current, text=f'@id("console-for-alice")\n{text}')
    async with company.store.transaction() as transaction:
        await transaction.snapshot.publish([change("policy", changed)])


def asserted(asked: World, answer: HttpResponse) -> AssertionClaims:
    """What the gateway's answer says to the console."""
    token = header(answer, "doorward-assertion")
    claims = asked.assertions.claims[int(token.removeprefix("token-")) - 1]
    assert isinstance(claims, AssertionClaims)
    return claims


def walked(company: Office) -> list[tuple[Endpoint, Area]]:
    found = endpoints(app(company.context(company.gateway_assertion())).routes)
    return [
        (Endpoint(item.method, re.sub(r"\{(\w+?)(_id)?\}", lambda n: KNOWN[n[1]], item.path)), area)
        for item in found
        for area in (area_of(item.path),)
    ]


@pytest.mark.parametrize("area", AREAS)
async def test_the_gateway_lets_in_what_the_area_holds_and_nothing_else(
    company: Office, area: Area
) -> None:
    asked = gateway(area)
    for endpoint, of in walked(company):
        answer = asked.ask(endpoint.path, endpoint.method, **signed_in(host=HOST, **OWN))
        assert answer.status == (200 if of == area else 403), endpoint
        if of == area:
            claims = asserted(asked, answer)
            action = "read" if endpoint.method in READS else "write"
            assert (claims.area, claims.action) == (area, action), endpoint


async def test_control_refuses_an_endpoint_that_was_not_decided_on(company: Office) -> None:
    """Envoy's route and the assertion disagree: the assertion is what counts."""
    before = company.store.content()
    transport = httpx.ASGITransport(app(company.context(company.gateway_assertion())))
    async with httpx.AsyncClient(transport=transport, base_url=CONSOLE) as client:
        for endpoint, area in walked(company):
            action = "read" if endpoint.method in READS else "write"
            other = "write" if action == "read" else "read"
            wrong = "people" if area == "proofing" else "proofing"
            weaker = {"read": (), "write": ((area, other),)}[action]
            for said in (*weaker, (wrong, action), (wrong, other), ("", action), (area, "")):
                sent = company.headers(area=said[0], action=said[1])
                answer = await client.request(
                    endpoint.method,
                    endpoint.path,
                    headers={**sent, "sec-fetch-site": "same-origin"},
                )
                assert answer.status_code == 403, (endpoint, said)
                assert endpoint.method == "HEAD" or "other-area" in answer.text
    assert company.store.content() == before


async def test_rules_that_the_console_had_before_still_make_a_write_of_a_read(
    company: Office,
) -> None:
    """Of an estate that was applied by a version that took them."""
    rules = (
        ActionRule(path="/audit/*", action="write"),
        ActionRule(path="/tokens/*", action="read"),
    )
    console = app(company.context(company.gateway_assertion()))
    for action, audit, revoked in (("read", 403, 403), ("write", 200, 200)):
        asked = gateway_of(
            f'permit(principal == User::"alice", action == Action::"{action}", resource);', rules
        )
        seen = asked.ask("/audit", **signed_in(host=HOST, **OWN))
        assert seen.status == audit
        changed = asked.ask("/tokens/dwt_0001/revoke", "POST", **signed_in(host=HOST, **OWN))
        assert changed.status == revoked
    said = asserted(asked, seen)
    assert (said.area, said.action) == ("audit", "write")
    headers = company.headers(area=said.area, action=said.action)
    assert await deliver(console, "GET", "/audit", headers) == 200


ELSEWHERE = (
    "/people",
    "/people/bob",
    "/people/bob/disable",
    "/audit",
    "/tokens/dwt_0001/revoke",
    "/identity/verifiers",
    "/api/v1/users",
    "/api/v1/estate/apply",
    "/api/v1/verifiers/alice",
)
SPELLINGS = (
    "{0}",
    "{0}/",
    "/{0}",
    "/.{0}",
    "{0}/.",
    "{0};",
    "{0};/identity",
    "{0}?/identity",
    "{0}#/identity",
    "{0}%20",
    "{0}%00",
    "{0}%2f..%2fidentity",
    "{0}/%2e%2e/%2e%2e/identity",
    "/identity/..{0}",
    "/identity/%2e%2e{0}",
    "/identity/..;{0}",
    "/identity%2f..{0}",
    "/identity/%252e%252e{0}",
    "/identity/..%5c{0}",
    "/identity//..{0}",
    "/identity/cases/../..{0}",
    "/api/v1/proofing/../../..{0}",
    "/api/v1/proofing/%2e%2e/%2e%2e/%2e%2e{0}",
)


def spelt() -> list[str]:
    plain = [spelling.format(path) for path in ELSEWHERE for spelling in SPELLINGS]
    shouted = [path.upper() for path in ELSEWHERE] + [path.title() for path in ELSEWHERE]
    encoded = ["/" + "".join(f"%{ord(letter):02x}" for letter in path[1:]) for path in ELSEWHERE]
    return [*plain, *shouted, *encoded]


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "get", "PATCH"])
async def test_a_verifier_alone_reaches_no_other_area_by_any_spelling(
    company: Office, method: str
) -> None:
    await permit(company, policy("proofing"))
    asked = gateway("proofing")
    console = app(company.context(company.gateway_assertion()))
    before, let_in = company.store.content(), 0
    assert len(spelt()) > 200
    for target, more in product(spelt(), ({}, HTMX)):
        seen = asked.ask(target, method, **signed_in(host=HOST, **OWN, **more))
        if seen.status != 200:
            continue
        let_in += 1
        said = asserted(asked, seen)
        for override in ({}, {"x-http-method-override": "POST"}, {"x-original-url": "/people"}):
            headers = {
                **company.headers(area=said.area, action=said.action),
                **{name.replace("_", "-"): value for name, value in (OWN | more).items()},
                **override,
            }
            status = await deliver(console, method, target, headers)
            assert status >= 400 or status == 307, (method, target, said.area)
    assert company.store.content() == before
    assert let_in < len(spelt()), "most of these are refused by the gateway already"


async def deliver(console: object, method: str, target: str, headers: dict[str, str]) -> int:
    """The status of a request that arrives at the console just as it is spelt."""
    path = target.split("#", 1)[0].partition("?")[0]
    scope: Scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": b"_method=POST",
        "root_path": "",
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 2),
        "headers": [(k.encode(), v.encode()) for k, v in {"host": HOST, **headers}.items()],
    }
    answered: list[int] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"reason=x&user=bob&until=2027-01-01"}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            answered.append(message["status"])

    application = console
    assert callable(application)
    await _call(application, scope, receive, send)
    return answered[0]


async def _call(application: object, scope: Scope, receive: Receive, send: Send) -> None:
    assert callable(application)
    await application(scope, receive, send)


async def test_a_ticket_of_one_area_opens_no_route_of_another() -> None:
    asked = gateway("proofing")
    asked.ask("/identity", **signed_in(host=HOST))
    ticket = asked.tickets.claims[-1]
    assert isinstance(ticket, TicketClaims)
    hosts = route_configuration(asked.snapshot, envoy_settings(), 1)["virtual_hosts"]
    routes = next(host["routes"] for host in hosts if host["name"] == "resource console")
    opened = [
        (method, path)
        for method in ("GET", "POST")
        for path in ("/", "/people", "/identity", "/audit", "/identity/verifiers", "/nothing")
        if chosen(routes, method, path)["name"] == ticket.scp
    ]
    assert opened == [("GET", "/identity")]


@pytest.fixture
async def verifier(company: Office) -> Office:
    await permit(company, policy("proofing"))
    return company


async def shown(company: Office, path: str) -> str:
    served = company.console()
    transport = httpx.ASGITransport(served)
    async with httpx.AsyncClient(transport=transport, base_url=CONSOLE) as client:
        answer = await client.get(path, headers=company.headers())
    assert answer.status_code == 200, answer.text
    return answer.text


async def test_the_navigation_shows_what_may_be_opened(verifier: Office) -> None:
    page = await shown(verifier, "/identity")
    bar = page[page.index("<nav") : page.index("</nav>")]
    assert re.findall(r'href="([^"]+)"', bar) == ["/identity"]
    assert 'action="/identity/cases"' in page
    assert "/identity/verifiers" not in page, "who verifies is for those who manage people"
    assert "Who manages people records training." in page
    assert 'href="/people' not in page


async def test_training_is_recorded_with_one_area(company: Office) -> None:
    """Who manages people comes there from their own page, and sees no case."""
    await permit(company, policy("people"))
    assert 'href="/identity/verifiers"' in await shown(company, "/people")
    page = await shown(company, "/identity/verifiers")
    assert 'action="/identity/verifiers"' in page
    assert 'href="/identity"' not in page
    served = company.console()
    own = {**company.headers(), "sec-fetch-site": "same-origin"}
    form = {"user": "bob", "until": "2027-05-01"}
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(served), base_url=CONSOLE, follow_redirects=True
    ) as client:
        answer = await client.post("/identity/verifiers", data=form, headers=own)
    assert (answer.status_code, answer.url.path) == (200, "/identity/verifiers")
    assert "The training is recorded." in answer.text


@pytest.mark.parametrize("path", SHOWN)
async def test_a_page_that_may_only_be_read_has_no_button(company: Office, path: str) -> None:
    reading = 'permit(principal == User::"alice", action == Action::"read", resource);'
    await permit(company, reading)
    await turn_off(company)
    page = await shown(company, path)
    posts = re.findall(r'<form[^>]*method="post"[^>]*>', page)
    assert posts == ['<form method="post" action="/.doorward/sign-out">']


async def test_whoever_may_do_nothing_is_shown_nothing(company: Office) -> None:
    """A page that was let in while policies changed offers no way on."""
    await permit(company, 'forbid(principal, action, resource == Resource::"console");')
    page = await shown(company, "/identity")
    bar = page[page.index("<nav") : page.index("</nav>")]
    assert "href" not in bar
    assert page.count('method="post"') == 1
