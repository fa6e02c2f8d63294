"""The decision process of the gateway benchmark: its own code, on a snapshot made here.

Usage: python -m benchmarks.gateway_decisions FOLDER
Listens on FOLDER/check.sock, then prints the public key of its tickets and serves until killed.
"""

from __future__ import annotations

import asyncio
import json
import math
import sys
import time
from hashlib import sha256
from pathlib import Path

import uvloop

from doorward.adapters.believed_clock import BelievedClock
from doorward.adapters.secrets import SystemSecrets
from doorward.adapters.spool import SpoolWriter
from doorward.adapters.ticket_signer import Es256Signer
from doorward.engine import prepare
from doorward.entrypoints.ext_authz.allowing import Assertions
from doorward.entrypoints.ext_authz.authorizer import Authorizer
from doorward.entrypoints.ext_authz.decision_point import DecisionPoint
from doorward.entrypoints.ext_authz.denying import Denials
from doorward.entrypoints.ext_authz.http_server import HttpProtocol
from doorward.model.estate import Group, Label, Policy, Resource, User
from doorward.model.identity import ResourceCookie, Session
from doorward.model.ids import (
    DecisionId,
    GatewayId,
    GroupId,
    LabelId,
    PolicyId,
    ResourceId,
    SessionId,
    UserId,
)
from doorward.model.snapshot import Snapshot

DOMAIN = "doorward.localhost"
PEOPLE, GROUPS, RESOURCES, POLICIES = 256, 32, 32, 300
EPOCH = 1


def secret(person: int) -> str:
    """The value of a person's session cookie at the measured resource, `r0`."""
    return f"{person:043d}"


def resources(port: int) -> dict[str, Resource]:
    """All resources; every upstream is at `port`."""
    return {
        f"r{n}": Resource(
            id=ResourceId(f"r{n}"),
            name=f"Resource {n}",
            host=f"r{n}",
            upstream=f"http://127.0.0.1:{port}",
            label=LabelId("internal"),
            owner=UserId("u0"),
        )
        for n in range(RESOURCES)
    }


def estate(now: float) -> Snapshot:
    """Everybody may read `r0` by their group's policy, with a second factor."""
    people = range(PEOPLE)
    return Snapshot(
        number=1,
        groups={f"g{n}": Group(id=GroupId(f"g{n}"), name=f"Group {n}") for n in range(GROUPS)},
        labels={"internal": Label(id=LabelId("internal"), name="Internal", sensitivity=20)},
        users={
            f"u{n}": User(
                id=UserId(f"u{n}"),
                name=f"Person {n}",
                email=f"u{n}@example.com",
                groups=(GroupId(f"g{n % GROUPS}"), GroupId(f"g{(n * 7 + 1) % GROUPS}")),
            )
            for n in people
        },
        resources=resources(1),
        policies={f"p{n}": _policy(n) for n in range(POLICIES)},
        sessions={f"s{n}": _session(n, now) for n in people},
        cookies={cookie.id: cookie for cookie in map(_cookie, people)},
    )


def _policy(number: int) -> Policy:
    name = f"p{number:03}"
    group, resource = number % GROUPS, number // GROUPS
    text = (
        f'@id("{name}") permit(principal in Group::"g{group}", action == Action::"read", '
        f'resource == Resource::"r{resource}") when {{ context has session.multi_factor && '
        "context.session.multi_factor };"
    )
    return Policy(id=PolicyId(name), text=text, file="bench.cedar", line=number + 1)


def _session(number: int, now: float) -> Session:
    return Session(
        id=SessionId(f"s{number}"),
        user=UserId(f"u{number}"),
        started_at=now,
        expires_at=now + 36_000,
        authenticated_at=now,
        methods=("passkey",),
        phishing_resistant=True,
        multi_factor=True,
        address="127.0.0.1",
    )


def _cookie(number: int) -> ResourceCookie:
    return ResourceCookie(
        id=sha256(secret(number).encode()).hexdigest(),
        session=SessionId(f"s{number}"),
        resource=ResourceId("r0"),
    )


async def _serve(folder: Path) -> None:
    ids = SystemSecrets()
    tickets = Es256Signer()
    point = DecisionPoint(
        GatewayId("bench"),
        SpoolWriter(folder / "spool", max_pending_bytes=4 * 1024**3),
        BelievedClock(),
        lambda: DecisionId(ids.id("dec")),
    )
    point.prepared = prepare(estate(time.time()), expires_at=math.inf)
    point.epoch = EPOCH
    authorizer = Authorizer(
        point,
        DOMAIN,
        tickets=tickets,
        assertions=Assertions(Es256Signer("JWT"), DOMAIN),
        denials=Denials(DOMAIN, ids.token),
        country=lambda _: None,
        open_stream=lambda _asked, _decided, _resource: None,
    )
    server = await asyncio.get_running_loop().create_unix_server(
        lambda: HttpProtocol(authorizer.answer), str(folder / "check.sock")
    )
    print(json.dumps(tickets.jwk), flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(Path(sys.argv[1])))
