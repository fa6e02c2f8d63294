"""The console and its API do for a person what the policies let that person do, and no more.

Every endpoint is found by walking the application. Whoever may only read gets from the decision
process what answers a read, and nothing that answers a read changes anything: so a reader
changes nothing, and who has no policy sees nothing.
"""

from __future__ import annotations

import re
from hashlib import sha256

import httpx
import pytest
from starlette.routing import Mount

from doorward.entrypoints.console.app import app
from doorward.model.estate import Policy, Resource
from doorward.model.identity import ResourceCookie
from doorward.model.ids import LabelId, PolicyId, ResourceId, UserId
from doorward.model.snapshot import change
from tests.architecture.test_endpoint_authorization import Endpoint, endpoints
from tests.fakes.office import CONSOLE, office
from tests.unit.gateway_world import COOKIE, SESSION, World, signed_in

READS = frozenset({"GET", "HEAD"})
KNOWN = {
    "decision": "dec_0001",
    "session": "ses_bob",
    "user": "bob",
    "resource": "payroll",
    "device": "laptop-7",
    "token": "dwt_0001",
    "client": "wiki",
    "sid": "sid_0001",
    "provider": "work",
    "case": "idc_0001",
    "evidence": "ide_0001",
    "verification": "idv_0001",
    "passkey": "passkey-of-bob",
    "recovery": "rec_0001",
    "stream": "stm_0001",
    "host": "osh_0001",
    "secret": "oss_0001",
    "transmitter": "work",
}
"""What an endpoint's path may name, so that it finds something that it could change."""

GRANTS = {"nothing": None, "reading": 'action == Action::"read"', "everything": "action"}


async def every_endpoint() -> list[Endpoint]:
    company = await office()
    application = app(company.context(company.gateway_assertion()))
    static = [mount.path for mount in application.routes if isinstance(mount, Mount)]
    found = list(endpoints(application.routes))
    assert len(static) == 2, "the console mounts its API and its static files, and nothing else"
    assert {endpoint.method in READS for endpoint in found} == {True, False}
    return [Endpoint(endpoint.method, _filled(endpoint.path)) for endpoint in found]


def _filled(path: str) -> str:
    return re.sub(r"\{(\w+?)(_id)?\}", lambda name: KNOWN[name[1]], path)


def world(granted: str | None) -> World:
    """A decision process before the console, in which a policy grants alice so much."""
    console = Resource(
        id=ResourceId("console"),
        name="Console",
        host="console",
        upstream="control",
        label=LabelId("internal"),
        owner=UserId("bob"),
    )
    cookie = ResourceCookie(
        id=sha256(COOKIE.encode()).hexdigest(), session=SESSION.id, resource=console.id
    )
    text = f'permit(principal == User::"alice", {granted}, resource == Resource::"console");'
    policy = Policy(id=PolicyId("p"), text=f'@id("p")\n{text}', file="p.cedar", line=1)
    return World(
        change("resource", console),
        change("cookie", cookie),
        *([change("policy", policy)] if granted else []),
    )


@pytest.mark.parametrize("grant", GRANTS)
async def test_a_person_reaches_what_the_policies_let_them(grant: str) -> None:
    asked = world(GRANTS[grant])
    for endpoint in await every_endpoint():
        answer = asked.ask(
            endpoint.path,
            endpoint.method,
            **signed_in(host="console.doorward.localhost:8080", sec_fetch_site="same-origin"),
        )
        reads = endpoint.method in READS
        let_in = grant == "everything" or (grant == "reading" and reads)
        assert answer.status == (200 if let_in else 403), endpoint
        assert asked.log.records[-1].action == ("read" if reads else "write"), endpoint


async def test_what_answers_a_read_changes_nothing() -> None:
    company = await office()
    await company.receive_signals()
    transport = httpx.ASGITransport(company.console())
    async with httpx.AsyncClient(transport=transport, base_url=CONSOLE) as client:
        for endpoint in await every_endpoint():
            if endpoint.method in READS:
                before = company.store.content()
                answer = await client.request(
                    endpoint.method, endpoint.path, headers=company.headers()
                )
                assert answer.status_code == 200, endpoint
                assert company.store.content() == before, f"{endpoint} changes what it should show"
