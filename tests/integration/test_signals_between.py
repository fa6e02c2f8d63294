"""doorward tells doorward: one's transmitter and the other's receiver, over real sockets.

The one that receives federates with the one that transmits, and the devices are known to both by
the same id. Nothing is shared but what goes over HTTP.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

import httpx
import pytest
from granian.constants import Interfaces
from granian.server.embed import Server
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route

from doorward.adapters.federation.http import HttpxProviderHttp
from doorward.adapters.signals.set_push import HttpSetPusher
from doorward.administrator.authentication import digest
from doorward.administrator.federation_table import FederatedIdentity
from doorward.administrator.openid_ports import ClientSession
from doorward.administrator.receiver.keep_polled import Poller
from doorward.administrator.receiver.keep_secrets import set_transmitter_secret
from doorward.administrator.receiver.streams import (
    ask_status,
    ask_verification,
    connect_stream,
    disconnect_stream,
)
from doorward.administrator.revoke_session import revoke_session
from doorward.administrator.set_standing import disable_user, enable_user, set_user_risk
from doorward.administrator.signals.transmitting.delivering import deliver_for_ever
from doorward.administrator.signals.transmitting.poll import Polls
from doorward.entrypoints.actors import Actor
from doorward.entrypoints.signals import receive
from doorward.entrypoints.signals.app import SignalsContext, app, metadata_app
from doorward.errors import DoorwardError
from doorward.model.device import Device
from doorward.model.estate import Service
from doorward.model.ids import ClientId, DeviceId, ProviderId, ServiceId, SessionId, UserId
from doorward.model.snapshot import Snapshot
from tests.fakes.receiver import receiver_on
from tests.fakes.signals_desk import ALICE, LAPTOP, SignalsDesk, device, signals_desk
from tests.tools import free_ports
from tests.unit.federation_world import world
from tests.unit.signals_world import Signals

HERE, THERE = ClientId("branch"), ServiceId("crm")
TOKEN = "dwt_of-the-branch-for-signals"
WITHIN_SECONDS = 5.0
SESSION_REVOKED = "session-revoked"


class ByToken:
    """Port `Authenticator`: in place of the gateway, which knows a service by its token."""

    def actor(self, method: str, headers: Mapping[str, str], now: float, area: str = "") -> Actor:
        del method, now
        if headers.get("authorization") != f"Bearer {TOKEN}":
            raise DoorwardError("not-authenticated", "Nobody asks.", "Say who you are.")
        return Actor(f"service:{THERE}", "Branch")


@dataclass
class Pair:
    """`sender` is the headquarters, `place` the branch."""

    sender: SignalsDesk
    place: Signals
    poller: Poller
    delivery: str

    @property
    def snapshot(self) -> Snapshot:
        return self.place.snapshot

    async def until(self, what: Callable[[], bool]) -> None:
        """As the stream delivers, until `what()` holds."""
        async with asyncio.timeout(WITHIN_SECONDS):
            while not what():
                await self._delivered()

    async def came(self, event: str) -> str:
        """What came of the newest event of this name, once there is one."""
        async with asyncio.timeout(WITHIN_SECONDS):
            while True:
                for signal in await self.place.received():
                    if signal.type.endswith(f"/{event}"):
                        return signal.outcome
                await self._delivered()

    async def _delivered(self) -> None:
        if self.delivery == "poll":
            watch = self.place.receiver.transmitter("watch")
            await self.poller.poll(watch, lambda: self.place.now)
        await asyncio.sleep(0.02)

    async def signed_in(self, session: str, sid: str, **fields: Any) -> None:
        """A session at the headquarters, by which its person signed in to the branch."""
        await self.sender.session(session, **fields)
        async with self.sender.store.transaction() as transaction:
            await transaction.openid.sessions.put(
                ClientSession(
                    sid=sid,
                    client=HERE,
                    session=SessionId(session),
                    user=ALICE,
                    since=self.sender.now,
                )
            )
        await self.place.world.session(
            "alice",
            f"here_{session}",
            provider=ProviderId("work"),
            provider_subject=digest("alice"),
            provider_session=digest(sid),
        )


@asynccontextmanager
async def listening(application: Starlette, port: int) -> AsyncIterator[None]:
    server = Server(
        application,
        address="127.0.0.1",
        port=port,
        interface=Interfaces.ASGI,
        websockets=False,
        log_enabled=False,
    )
    serving = asyncio.create_task(server.serve())
    async with httpx.AsyncClient() as client:
        while True:
            try:
                await client.get(f"http://127.0.0.1:{port}")
                break
            except httpx.ConnectError:
                await asyncio.sleep(0.02)
    yield
    server.stop()  # type: ignore[no-untyped-call]
    await serving


async def headquarters(origin: str) -> tuple[SignalsDesk, Starlette]:
    """The transmitter at `origin`, which stands for the sign-in host and that of signals."""
    sender = await signals_desk()
    sender.transmitter = replace(
        sender.transmitter,
        issuer=origin,
        origin=lambda _: origin,
        plain_loopback=True,
        pusher=HttpSetPusher(loopback=True),
    )
    assert sender.store.recorder is not None
    sender.store.recorder.issuer = origin
    await sender.put("service", Service(id=THERE, name="Branch", client=HERE))
    await sender.put("device", device())

    async def keys(_: Request) -> JSONResponse:
        return JSONResponse({"keys": await sender.keys()})

    polls = Polls(sender.transmitter, lambda: sender.now, wait_seconds=0.1)
    context = SignalsContext(sender.transmitter, polls, ByToken(), lambda: sender.now)
    managed = app(context)
    return sender, Starlette(
        routes=[
            Route("/openid/jwks.json", keys),
            *(r for r in metadata_app(sender.transmitter).routes),
            Mount("/", managed),
        ]
    )


async def branch(issuer: str, origin: str, delivery: str) -> Signals:
    federated = await world()
    await federated.declare(issuer=issuer)
    receiver = replace(receiver_on(federated.desk.control, HttpxProviderHttp()), origin=origin)
    place = Signals(federated, None, receiver)  # type: ignore[arg-type]
    await place.declare(issuer=issuer, delivery=delivery)
    await federated.desk.publish(
        "device", Device(id=DeviceId(LAPTOP), owner=UserId("alice"), key="cd" * 32)
    )
    async with federated.desk.store.transaction() as transaction:
        await transaction.federation.put(
            FederatedIdentity(
                provider=ProviderId("work"),
                issuer=issuer,
                subject="alice",
                user=UserId("alice"),
                linked_at=place.now,
                last_used_at=place.now,
            )
        )
    await set_transmitter_secret(receiver, place.act(), "watch", "management", TOKEN)
    return place


@pytest.fixture(params=["push", "poll"])
async def pair(request: pytest.FixtureRequest) -> AsyncIterator[Pair]:
    port = free_ports(2)
    issuer, here = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{port + 1}"
    sender, transmitting = await headquarters(issuer)
    place = await branch(issuer, here, request.param)
    receiving = receive.app(place.receiver, clock=lambda: place.now)
    async with (
        listening(transmitting, int(issuer.rpartition(":")[2])),
        listening(receiving, int(here.rpartition(":")[2])),
    ):
        delivering = asyncio.create_task(
            deliver_for_ever(sender.transmitter, lambda: sender.now, look_seconds=0.02)
        )
        try:
            await connect_stream(place.receiver, place.act(), "watch")
            yield Pair(sender, place, Poller(place.receiver, 1), request.param)
        finally:
            delivering.cancel()
            with suppress(asyncio.CancelledError):
                await delivering


async def test_a_stream_is_verified_asked_and_ended(pair: Pair) -> None:
    place = pair.place
    assert (await place.record()).audience == (THERE,)
    await ask_verification(place.receiver, place.act(), "watch")
    assert await pair.came("verification") == "verified"
    record = await place.record()
    assert (record.verified_at, record.state_hash) == (place.now, "")
    assert (await ask_status(place.receiver, place.act(), "watch")).status == "enabled"
    await disconnect_stream(place.receiver, place.act(), "watch")
    async with pair.sender.store.transaction() as transaction:
        assert await transaction.signals.streams.all() == []


async def test_somebody_disabled_there_is_kept_out_here_until_enabled(pair: Pair) -> None:
    sender = pair.sender
    await pair.signed_in("ses_1", "sid-1")
    await pair.place.world.session("bob", "ses_bob")
    await disable_user(sender.control, sender.act, ALICE, "a private remark")
    await pair.until(lambda: pair.place.standing().disabled)
    assert pair.place.standing().disabled_by == ("transmitter:watch",)
    assert set(pair.snapshot.sessions) == {"ses_bob"}
    await enable_user(sender.control, sender.act, ALICE)
    await pair.until(lambda: not pair.place.standing().disabled)


@pytest.mark.parametrize("on", ["", "mac-of-headquarters"])
async def test_a_revoked_session_ends_the_one_that_came_of_it_and_no_other(
    pair: Pair, on: str
) -> None:
    sender = pair.sender
    await pair.signed_in("ses_1", "sid-1", device=DeviceId(on))
    await pair.signed_in("ses_2", "sid-2")
    await pair.place.world.session("alice", "ses_own")
    await revoke_session(sender.control, sender.act, SessionId("ses_1"))
    assert await pair.came(SESSION_REVOKED) == "applied"
    assert set(pair.snapshot.sessions) == {"here_ses_2", "ses_own"}


async def test_risk_and_compliance_there_count_here(pair: Pair) -> None:
    sender = pair.sender
    await set_user_risk(sender.control, sender.act, ALICE, 95)
    await pair.until(lambda: pair.place.standing().risk == 90)
    await set_user_risk(sender.control, sender.act, ALICE, 0)
    await pair.until(lambda: pair.place.standing().risk == 0)
    await sender.put("device", device(healthy=False))
    await pair.until(lambda: pair.snapshot.devices[LAPTOP].healthy is False)
    await sender.put("device", device())
    await pair.until(lambda: pair.snapshot.devices[LAPTOP].healthy is not False)


async def test_nobody_else_is_told_how_an_application_calls_a_session(pair: Pair) -> None:
    sender = pair.sender
    other = await sender.polled(actor="service:spy")
    await pair.signed_in("ses_1", "sid-1")
    await revoke_session(sender.control, sender.act, SessionId("ses_1"))
    (told,) = await sender.waiting(other)
    assert b'"session":{"format":"opaque","id":"ses_1"}' in bytes(told.claims)
    assert b"sid-1" not in bytes(told.claims)
