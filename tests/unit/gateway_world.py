"""A small company for the tests of the decision process, with a clock and a log in hand."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from hashlib import sha256

import msgspec

from doorward.engine import prepare
from doorward.entrypoints.ext_authz.allowing import Assertions
from doorward.entrypoints.ext_authz.authorizer import Authorizer
from doorward.entrypoints.ext_authz.decision_point import DecisionPoint
from doorward.entrypoints.ext_authz.denying import Denials
from doorward.entrypoints.ext_authz.http_server import HttpRequest, HttpResponse
from doorward.entrypoints.relay.streams import Streams
from doorward.errors import DoorwardError
from doorward.model.decision import DecisionRecord
from doorward.model.device import Device
from doorward.model.estate import ActionRule, Label, Policy, Resource, Service, User
from doorward.model.identity import ResourceCookie, ServiceToken, Session
from doorward.model.ids import (
    DecisionId,
    DeviceId,
    GatewayId,
    LabelId,
    PolicyId,
    ResourceId,
    ServiceId,
    ServiceTokenId,
    SessionId,
    UserId,
)
from doorward.model.snapshot import Change, Snapshot, change
from doorward.protocol.ticket import AssertionClaims, TicketClaims
from tests.fakes.certificates import key_of

NOW = 1_800_000_000.0
COOKIE = "c" * 43
TOKEN_SECRET = "t" * 43
BEARER = f"Bearer dwt_1.{TOKEN_SECRET}"

SESSION = Session(
    id=SessionId("ses_1"),
    user=UserId("alice"),
    started_at=NOW - 60,
    expires_at=NOW + 3600,
    authenticated_at=NOW - 60,
    methods=("passkey",),
    phishing_resistant=True,
    multi_factor=True,
    address="192.0.2.1",
)
ESTATE: list[Change] = [
    change("user", User(id=UserId("alice"), name="Alice", email="alice@example.org")),
    change("user", User(id=UserId("bob"), name="Bob", email="bob@example.org")),
    change("service", Service(id=ServiceId("backup"), name="Backup")),
    change("label", Label(id=LabelId("internal"), name="Internal", sensitivity=20)),
    change(
        "resource",
        Resource(
            id=ResourceId("wiki"),
            name="Wiki",
            host="wiki",
            upstream="http://127.0.0.1:9",
            label=LabelId("internal"),
            owner=UserId("bob"),
            rules=(ActionRule(path="/admin/*", action="write"),),
        ),
    ),
    change(
        "resource",
        Resource(
            id=ResourceId("payroll"),
            name="Payroll",
            host="payroll",
            upstream="http://127.0.0.1:9",
            label=LabelId("internal"),
            owner=UserId("bob"),
        ),
    ),
    change(
        "policy",
        Policy(
            id=PolicyId("everyone-wiki"),
            text='@id("everyone-wiki")\npermit(principal, action, resource == Resource::"wiki");',
            file="wiki.cedar",
            line=1,
        ),
    ),
]
ACCESS: list[Change] = [
    change("session", SESSION),
    change(
        "cookie",
        ResourceCookie(
            id=sha256(COOKIE.encode()).hexdigest(),
            session=SESSION.id,
            resource=ResourceId("wiki"),
        ),
    ),
    change(
        "service_token",
        ServiceToken(
            id=ServiceTokenId("dwt_1"),
            service=ServiceId("backup"),
            secret_hash=sha256(TOKEN_SECRET.encode()).hexdigest(),
            resources=(ResourceId("wiki"),),
            issued_at=NOW - 60,
            expires_at=NOW + 3600,
        ),
    ),
]


@dataclass
class FakeClock:
    """Time that stands still until it is moved."""

    time: float = NOW
    trusted: bool = True

    def now(self) -> float:
        return self.time

    def believed(self) -> bool:
        return self.trusted

    def elapsed(self) -> float:
        return self.time - NOW


@dataclass
class FakeLog:
    """Keeps the records; `broken` makes it refuse."""

    lines: list[bytes] = field(default_factory=list)
    broken: bool = False

    def append(self, line: bytes) -> None:
        if self.broken:
            raise DoorwardError("log-unavailable", "The test broke it.")
        self.lines.append(line)

    @property
    def records(self) -> list[DecisionRecord]:
        return [msgspec.json.decode(line, type=DecisionRecord) for line in self.lines]


@dataclass
class FakeSigner:
    """Signs by numbering; keeps the claims."""

    claims: list[TicketClaims | AssertionClaims] = field(default_factory=list)

    def sign(self, claims: TicketClaims | AssertionClaims) -> str:
        self.claims.append(claims)
        return f"token-{len(self.claims)}"


class World:
    """A decision process without sockets."""

    def __init__(self, *changes: Change) -> None:
        self.clock, self.log = FakeClock(), FakeLog()
        self.tickets, self.assertions = FakeSigner(), FakeSigner()
        self._ids = 0
        self.point = DecisionPoint(
            GatewayId("gw"), self.log, self.clock, lambda: DecisionId(self.new_id())
        )
        self.streams = Streams(self.point, self.clock.elapsed)
        self.authorizer = self.authorizing(self.streams)
        self.snapshot = Snapshot().advance(1, [*ESTATE, *ACCESS])
        self.point.epoch = 7
        self.publish(*changes)

    def authorizing(self, streams: Streams) -> Authorizer:
        """What answers Envoy, and opens the streams of `streams`."""
        return Authorizer(
            self.point,
            "doorward.localhost",
            tickets=self.tickets,
            assertions=Assertions(self.assertions, "doorward.localhost"),
            denials=Denials("doorward.localhost", lambda: "f" * 43),
            country=lambda _address: None,
            open_stream=streams.open,
        )

    def new_id(self) -> str:
        self._ids += 1
        return f"dec_{self._ids}"

    def publish(self, *changes: Change, expires_at: float = math.inf) -> None:
        self.snapshot = self.snapshot.advance(self.snapshot.number + 1, changes)
        self.point.prepared = prepare(self.snapshot, self.point.prepared, expires_at=expires_at)

    def ask(self, target: str = "/", method: str = "GET", **headers: str) -> HttpResponse:
        """Ask as Envoy would; `_` in a header's name stands for `-`."""
        values = {
            "host": "wiki.doorward.localhost:8080",
            "doorward-check-address": "192.0.2.1",
            "doorward-check-scheme": "http",
        }
        values |= {name.replace("_", "-"): value for name, value in headers.items()}
        values.setdefault("doorward-check-resource", values["host"].lower().partition(".")[0])
        if values.get("upgrade"):
            values.setdefault("doorward-check-route", "relayed")
        return self.authorizer.answer(
            HttpRequest(method, target, {name: [value] for name, value in values.items() if value})
        )


def hosted(world: World) -> DeviceId:
    """Have the service `backup` run on an enrolled device, `mill`."""
    service = world.snapshot.services["backup"]
    mill = Device(id=DeviceId("mill"), owner=UserId("alice"), key=key_of("mill"))
    world.publish(
        change("service", msgspec.structs.replace(service, hosts=(mill.id,))),
        change("device", mill),
    )
    return mill.id


def signed_in(**headers: str) -> dict[str, str]:
    """The headers of a request that brings alice's cookie."""
    return {"cookie": f"__Host-doorward-session={COOKIE}", **headers}


def header(response: HttpResponse, name: str) -> str:
    """The value of a header, empty without one."""
    return next((value for key, value in response.headers if key == name), "")
