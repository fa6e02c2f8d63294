"""The transmitter of Shared Signals on the store in memory, and a receiver of the tests' own.

`signals_desk()` has alice, bob and a laptop, the services `crm` and `spy`, and a resource whose
upstream is `signals`. Pushes are kept (`KeptPushes`) or made for real.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import httpx

from doorward.adapters.sealer import AesGcmSealer
from doorward.adapters.throttle import SlidingWindowThrottle
from doorward.administrator.control_plane import Act, ControlPlane
from doorward.administrator.openid_ports import TokenSigner
from doorward.administrator.ports import Password
from doorward.administrator.signal_ports import Pending, PendingKind, SetPusher, Stream
from doorward.administrator.signals.transmitting.bell import Bell
from doorward.administrator.signals.transmitting.poll import Polls
from doorward.administrator.signals.transmitting.push import deliver, reserve
from doorward.administrator.signals.transmitting.recorder import Recorder
from doorward.administrator.signals.transmitting.supported import SUPPORTED
from doorward.administrator.signals.transmitting.transmitter import Transmitting
from doorward.bootstrap import LIMITS
from doorward.entrypoints.actors import Actor
from doorward.entrypoints.signals.app import SignalsContext, app, metadata_app
from doorward.errors import DoorwardError
from doorward.model.device import Device
from doorward.model.estate import Group, Label, Resource, Service, User
from doorward.model.identity import ServiceToken, Session
from doorward.model.ids import (
    DeviceId,
    GroupId,
    LabelId,
    ResourceId,
    ServiceId,
    ServiceTokenId,
    SessionId,
    UserId,
)
from doorward.model.snapshot import Change, Document, Kind, change, removal
from tests.fakes.openid import QuickSigner
from tests.fakes.signals_receiver import Claims, PollClient, Verifier
from tests.fakes.store import MemoryStore, control_plane

NOON = 1795435200.0
ISSUER = "https://auth.doorward.localhost"
HOST = "https://signals.doorward.localhost"
PUSH = "urn:ietf:rfc:8935"
POLL = "urn:ietf:rfc:8936"
ENDPOINT = "https://crm.example.org/events"
ALICE, BOB = UserId("alice"), UserId("bob")
LAPTOP = DeviceId("laptop")
CRM = ServiceId("crm")


class KeptPushes:
    """Port `SetPusher` that keeps what it is given; `failures` are raised first, in turn."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, str]] = []
        self.failures: list[DoorwardError | None] = []
        self.broken: DoorwardError | None = None
        self.came = asyncio.Event()

    async def push(self, url: str, authorization: str, token: str) -> None:
        failure = self.failures.pop(0) if self.failures else self.broken
        if failure is not None:
            raise failure
        self.sent.append((url, authorization, token))
        self.came.set()


class Named:
    """Port `Authenticator`: who asks stands in a header."""

    def actor(self, method: str, headers: Any, now: float, area: str = "") -> Actor:
        del method, now
        name = headers.get("x-actor", "")
        if not name:
            raise DoorwardError("not-authenticated", "Nobody asks.", "Say who you are.")
        return Actor(name, name)


def transmitter_on(
    control: ControlPlane, signer: TokenSigner, pusher: SetPusher, bell: Bell
) -> Transmitting:
    """A transmitter with the limits of the control plane."""
    return Transmitting(
        control=control,
        signer=signer,
        sealer=AesGcmSealer(bytes(32)),
        pusher=pusher,
        throttle=SlidingWindowThrottle(LIMITS),
        bell=bell,
        issuer=ISSUER,
        origin=lambda host: f"https://{host}.doorward.localhost",
    )


@dataclass
class SignalsDesk:
    store: MemoryStore
    transmitter: Transmitting
    pushes: KeptPushes = field(default_factory=KeptPushes)
    now: float = NOON
    wait_seconds: float = 0.3

    @property
    def control(self) -> ControlPlane:
        return self.transmitter.control

    @property
    def act(self) -> Act:
        return Act("operator", self.now)

    def client(self, actor: str = "service:crm") -> httpx.AsyncClient:
        polls = Polls(self.transmitter, lambda: self.now, self.wait_seconds)
        context = SignalsContext(self.transmitter, polls, Named(), lambda: self.now)
        headers = {"x-actor": actor} if actor else {}
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(app(context)), base_url=HOST, headers=headers
        )

    async def send(
        self, method: str, path: str, body: object = None, actor: str = "service:crm"
    ) -> httpx.Response:
        content = body if isinstance(body, bytes) else None
        given = None if body is None or content is not None else body
        async with self.client(actor) as client:
            return await client.request(method, path, json=given, content=content)

    async def metadata(self, method: str = "GET") -> httpx.Response:
        transport = httpx.ASGITransport(metadata_app(self.transmitter))
        async with httpx.AsyncClient(transport=transport, base_url=ISSUER) as client:
            return await client.request(method, "/.well-known/ssf-configuration")

    async def polled(self, actor: str = "service:crm", **more: Any) -> Claims:
        """A new poll stream for everything, as its receiver is told of it."""
        answer = await self.send(
            "POST", "/ssf/streams", {"events_requested": SUPPORTED, **more}, actor
        )
        assert answer.status_code == 201, answer.text
        found: Claims = answer.json()
        return found

    async def pushed(self, **delivery: Any) -> Claims:
        return await self.polled(delivery={"method": PUSH, "endpoint_url": ENDPOINT, **delivery})

    async def keys(self) -> list[dict[str, str]]:
        async with self.store.transaction() as transaction:
            return [key.public for key in await transaction.openid.keys.all()]

    async def verifier(self, audience: str = "crm") -> Verifier:
        return Verifier(ISSUER, audience, await self.keys())

    async def poller(self, stream: Claims, actor: str = "service:crm") -> PollClient:
        async def post(body: Claims) -> tuple[int, Claims]:
            answer = await self.send("POST", stream["delivery"]["endpoint_url"], body, actor)
            return answer.status_code, answer.json()

        return PollClient(post, await self.verifier(actor.partition(":")[2]))

    async def take(self, stream: Claims) -> list[Claims]:
        """What waits on a poll stream, verified and acknowledged by a receiver."""
        return await (await self.poller(stream)).take()

    async def deliver(self) -> int:
        """Push what is due; how many batches there were."""
        batches = await reserve(self.transmitter, self.now)
        for batch in batches:
            await deliver(self.transmitter, batch, self.now)
        return len(batches)

    async def received(self) -> list[Claims]:
        """What was pushed, verified."""
        verifier = await self.verifier()
        return [verifier.claims(token) for _, _, token in self.pushes.sent]

    async def stream(self, stream: Claims) -> Stream:
        async with self.store.transaction() as transaction:
            found = await transaction.signals.streams.get(stream["stream_id"])
        assert found is not None
        return found

    async def waiting(self, stream: Claims) -> list[Pending]:
        kinds: tuple[PendingKind, ...] = ("event", "verification", "update")
        async with self.store.transaction() as transaction:
            found = await transaction.signals.outbox.waiting(stream["stream_id"], 99_999, kinds)
        return list(found)

    async def publish(self, *changes: Change, act: str = "", actor: str = "operator") -> None:
        async with self.store.transaction() as transaction:
            await transaction.snapshot.publish(list(changes))
            if act:
                await transaction.audit.append(
                    at=self.now, actor=actor, act=act, target="x", detail={"reason": "private"}
                )

    async def put(self, kind: Kind, document: Document, **how: str) -> None:
        await self.publish(change(kind, document), **how)

    async def session(self, session: str = "ses_1", **changed: Any) -> Session:
        fields: dict[str, Any] = {
            "id": SessionId(session),
            "user": ALICE,
            "started_at": self.now,
            "expires_at": self.now + 3600,
            "authenticated_at": self.now,
            "methods": ("passkey",),
            "phishing_resistant": True,
            "multi_factor": True,
            "address": "192.0.2.1",
        }
        made = Session(**{**fields, **changed})
        await self.put("session", made)
        return made

    async def revoke(self, session: str = "ses_1", **how: str) -> None:
        await self.publish(removal("session", session), **({"act": "session-revoked"} | how))

    async def with_password(self, user: UserId, phc: str) -> None:
        async with self.store.transaction() as transaction:
            await transaction.credentials.put(Password(user=user, hash=phc))


def device(**changed: Any) -> Device:
    fields: dict[str, Any] = {
        "id": LAPTOP,
        "owner": ALICE,
        "key": "ab" * 32,
        "name": "Alice's laptop",
        "healthy": True,
    }
    return Device(**{**fields, **changed})


def token_of(service: str) -> ServiceToken:
    """A token of that service for the transmitter's resource."""
    return ServiceToken(
        id=ServiceTokenId(f"dwt_{service}"),
        service=ServiceId(service),
        secret_hash="5e" * 32,
        resources=(ResourceId("signals"),),
        issued_at=NOON,
        expires_at=NOON + 90 * 86_400,
    )


def payload(claims: Claims) -> tuple[str, Claims]:
    """The short name of a token's event, and its payload."""
    ((uri, event),) = claims["events"].items()
    return uri.rsplit("/", 1)[-1], event


def names(tokens: list[Claims]) -> list[str]:
    return [payload(claims)[0] for claims in tokens]


def undelivered() -> DoorwardError:
    return DoorwardError("set-undelivered", "The receiver answered 503.", "")


async def signals_desk() -> SignalsDesk:
    bell = Bell()
    store = MemoryStore()
    control = control_plane(store)
    pushes = KeptPushes()
    signer = QuickSigner()
    desk = SignalsDesk(store, transmitter_on(control, signer, pushes, bell), pushes)
    store.recorder = Recorder(ISSUER, control.secrets, lambda: desk.now, bell)
    async with store.transaction() as transaction:
        for algorithm in ("RS256", "ES256"):
            await transaction.openid.keys.put(signer.generate(algorithm, NOON, NOON))
    people = [
        User(id=ALICE, name="Alice", email="alice@example.org", groups=(GroupId("eng"),)),
        User(id=BOB, name="Bob", email=""),
    ]
    await desk.publish(
        change("group", Group(id=GroupId("eng"), name="Engineering")),
        *(change("user", person) for person in people),
        *(
            change("service", Service(id=ServiceId(name), name=name.upper()))
            for name in ("crm", "spy")
        ),
        *(change("service_token", token_of(name)) for name in ("crm", "spy")),
        change("label", Label(id=LabelId("internal"), name="Internal", sensitivity=20)),
        change(
            "resource",
            Resource(
                id=ResourceId("signals"),
                name="Signals",
                host="signals",
                upstream="signals",
                label=LabelId("internal"),
                owner=ALICE,
            ),
        ),
    )
    return desk


def office_streams(now: float) -> list[Stream]:
    """Three streams as the console may have to show them; one says what a stranger would."""
    events = tuple(SUPPORTED)
    well = Stream(
        id="stm_0001",
        receiver=CRM,
        method="push",
        created_at=now - 90_000,
        endpoint_url="https://crm.example.org/events/of/doorward?key=secret",
        description='<script>alert("x")</script>',
        requested=events,
        heard_at=now - 40,
    )
    failing = Stream(
        id="stm_0002",
        receiver=ServiceId("reports"),
        method="push",
        created_at=now - 80_000,
        endpoint_url="https://siem.example.org/a/rather/long/address/for/security/events",
        requested=events[:1],
        attempts=3,
        failing_since=now - 700,
        last_error="The receiver answered 503.",
        heard_at=now - 700,
    )
    paused = Stream(
        id="stm_0003",
        receiver=ServiceId("reports"),
        method="poll",
        created_at=now - 70_000,
        status="paused",
        stopped_by="system",
        reason="The receiver has not polled for a day.",
    )
    return [well, failing, paused]
