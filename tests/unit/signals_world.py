"""A desk that receives the signals of a transmitter, `watch`, which speaks of people of `work`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx
import msgspec

from doorward.administrator.authentication import digest
from doorward.administrator.control_plane import Act
from doorward.administrator.receiver.keep_secrets import set_transmitter_secret
from doorward.administrator.receiver.receiver import Receiver
from doorward.administrator.receiver.streams import connect_stream
from doorward.administrator.receiver_ports import ReceivedSignal, StreamRecord
from doorward.entrypoints.signals.receive import app
from doorward.model.device import Device
from doorward.model.identity import Standing
from doorward.model.ids import DeviceId, TransmitterId, UserId
from doorward.model.snapshot import Snapshot, change
from doorward.model.transmitter import RiskRow, SignalEffect, Transmitter
from tests.fakes import signals_transmitter as other
from tests.fakes.provider import WORK_ISSUER
from tests.fakes.receiver import ORIGIN, SignalWire, receiver_on
from tests.fakes.signals_transmitter import CAEP, RISC, TOKEN
from tests.unit.federation_world import WORK, World
from tests.unit.federation_world import world as federated

ISSUER = "https://signals.work.example"
ALL_EFFECTS: tuple[SignalEffect, ...] = (
    "end-sessions",
    "renew-sessions",
    "step-up",
    "lower-assurance",
    "device-health",
    "risk",
    "disable",
)
ALICE = {"format": "email", "email": "alice@work.example"}
ALICE_THERE = {"format": "iss_sub", "iss": WORK_ISSUER, "sub": "s-alice"}
LAPTOP = {"format": "complex", "device": {"format": "opaque", "id": "laptop"}}
OPERATOR = "operator"


@dataclass
class Signals:
    world: World
    there: other.Transmitter
    receiver: Receiver
    bearer: str = ""

    @property
    def snapshot(self) -> Snapshot:
        return self.world.snapshot

    @property
    def now(self) -> float:
        return self.world.desk.now

    def act(self) -> Act:
        return Act(OPERATOR, self.now)

    async def declare(self, **fields: Any) -> Transmitter:
        """Declare the transmitter anew, with these fields."""
        document = declared(**fields)
        await self.world.desk.publish("transmitter", document)
        return document

    async def connect(self) -> StreamRecord:
        """A stream, and the bearer that the transmitter was given for it."""
        record = await connect_stream(self.receiver, self.act(), "watch")
        said = (self.there.stream or {})["delivery"].get("authorization_header", "")
        self.bearer = said.removeprefix("Bearer ")
        return record

    async def post(
        self, body: str | bytes, transmitter: str = "watch", **headers: str
    ) -> httpx.Response:
        """Push as the transmitter does, through the endpoint."""
        sent = {
            "content-type": "application/secevent+jwt",
            "accept": "application/json",
            "authorization": f"Bearer {self.bearer}",
            "x-forwarded-for": "203.0.113.77",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        transport = httpx.ASGITransport(app(self.receiver, clock=lambda: self.now))
        async with httpx.AsyncClient(transport=transport, base_url=ORIGIN) as client:
            return await client.post(f"/ssf/receive/{transmitter}", content=body, headers=sent)

    async def push(self, event: str, payload: object, subject: object = ALICE) -> ReceivedSignal:
        """An event that is taken; what came of it."""
        answer = await self.post(self.there.token(event, payload, subject))
        assert (answer.status_code, answer.content) == (202, b"")
        return (await self.received())[0]

    async def refused(self, token: str | bytes, err: str, why: str) -> None:
        """`token` is answered with `err`, audited with `why`, and changes nothing."""
        before, log = self.snapshot, await self.received()
        answer = await self.post(token)
        assert answer.status_code == 400
        assert answer.headers["content-type"] == "application/json"
        assert answer.json()["err"] == err
        assert (self.snapshot, await self.received()) == (before, log)
        entry = (await self.world.desk.audited("signal-refused"))[-1]
        assert (entry["err"], entry["why"]) == (err, why)

    async def received(self) -> list[ReceivedSignal]:
        async with self.world.desk.store.transaction() as transaction:
            return list(await transaction.receiver.signals.latest())

    async def record(self) -> StreamRecord:
        return await self.receiver.record(self.receiver.transmitter("watch"))

    def standing(self, user: str = "alice") -> Standing:
        return self.snapshot.standings.get(user) or Standing(id=UserId(user))


def declared(**fields: Any) -> Transmitter:
    """How the estate declares the transmitter: by every event, with every effect."""
    document = Transmitter(
        id=TransmitterId("watch"),
        name="Watch",
        issuer=ISSUER,
        events=(
            "session-revoked",
            "token-claims-change",
            "credential-change",
            "assurance-level-change",
            "device-compliance-change",
            "risk-level-change",
            "account-disabled",
            "account-enabled",
        ),
        effects=ALL_EFFECTS,
        domains=("work.example",),
        provider=WORK,
        risk=(
            RiskRow(level="LOW", risk=0),
            RiskRow(level="MEDIUM", risk=40),
            RiskRow(level="HIGH", risk=90),
        ),
    )
    return msgspec.structs.replace(document, **fields)


async def signals(algorithm: str = "ES256", *, connected: bool = True, **fields: Any) -> Signals:
    """Alice and bob with addresses of `work`, alice linked there, with a laptop."""
    world = await federated()
    there = other.Transmitter(ISSUER, lambda: world.desk.now, algorithm)
    place = Signals(world, there, receiver_on(world.desk.control, SignalWire(there)))
    snapshot = place.snapshot
    people = [
        msgspec.structs.replace(user, email=f"{user.id}@work.example")
        for user in snapshot.users.values()
    ]
    async with world.desk.store.transaction() as transaction:
        await transaction.snapshot.publish(
            [
                *(change("user", person) for person in people),
                change("transmitter", declared(**fields)),
                change(
                    "device", Device(id=DeviceId("laptop"), owner=UserId("alice"), key="ab" * 32)
                ),
            ]
        )
    await world.link("alice")
    await set_transmitter_secret(place.receiver, place.act(), "watch", "management", TOKEN)
    if connected:
        await place.connect()
    return place


async def with_sessions(place: Signals) -> None:
    """Two of alice by `work`, one of her own passkey, one of bob."""
    there = {"provider": "work", "provider_subject": digest("s-alice")}
    await place.world.session("alice", "ses_1", provider_session=digest("sid-1"), aal=3, **there)
    await place.world.session("alice", "ses_2", provider_session=digest("sid-2"), aal=2, **there)
    await place.world.session("alice", "ses_own", aal=3)
    await place.world.session("bob", "ses_bob", aal=3)


SESSION_REVOKED = f"{CAEP}session-revoked"
CLAIMS_CHANGE = f"{CAEP}token-claims-change"
CREDENTIAL_CHANGE = f"{CAEP}credential-change"
ASSURANCE_CHANGE = f"{CAEP}assurance-level-change"
COMPLIANCE_CHANGE = f"{CAEP}device-compliance-change"
RISK_CHANGE = f"{CAEP}risk-level-change"
DISABLED = f"{RISC}account-disabled"
ENABLED = f"{RISC}account-enabled"
