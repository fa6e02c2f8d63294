"""Security events over real sockets: a transmitter of the tests' own, discovery, push and poll."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
import pytest
from granian.constants import Interfaces
from granian.server.embed import Server

from doorward.adapters.federation.http import HttpxProviderHttp
from doorward.administrator.receiver.keep_polled import Poller
from doorward.administrator.receiver.keep_secrets import set_transmitter_secret
from doorward.administrator.receiver.receiver import Receiver
from doorward.administrator.receiver.streams import (
    ask_status,
    ask_verification,
    connect_stream,
    disconnect_stream,
)
from doorward.entrypoints.signals.receive import app
from tests.fakes.receiver import receiver_on
from tests.fakes.signals_transmitter import TOKEN, Transmitter, serve
from tests.unit.federation_world import world
from tests.unit.signals_world import ALICE, DISABLED, Signals, declared

WITHIN_SECONDS = 1.0


@dataclass
class Running:
    place: Signals
    origin: str

    async def deliver(self, token: str) -> httpx.Response:
        """As the transmitter was told to."""
        delivery = (self.place.there.stream or {})["delivery"]
        headers = {
            "content-type": "application/secevent+jwt",
            "authorization": delivery["authorization_header"],
        }
        path = delivery["endpoint_url"].removeprefix(self.place.receiver.origin)
        async with httpx.AsyncClient() as client:
            return await client.post(self.origin + path, content=token, headers=headers)


@pytest.fixture(params=["RS256", "ES256"])
async def running(request: pytest.FixtureRequest) -> AsyncIterator[Running]:
    federated = await world()
    there = Transmitter("", lambda: federated.desk.now, request.param)
    receiver = receiver_on(federated.desk.control, HttpxProviderHttp())
    async with serve(there), listening(receiver, federated.desk.now) as origin:
        place = Signals(federated, there, receiver)
        document = declared(issuer=there.issuer, provider="", domains=("example.test",))
        await federated.desk.publish("transmitter", document)
        await set_transmitter_secret(receiver, place.act(), "watch", "management", TOKEN)
        await federated.session("alice", "ses_1")
        await federated.session("bob", "ses_2")
        yield Running(place, origin)


@asynccontextmanager
async def listening(receiver: Receiver, now: float) -> AsyncIterator[str]:
    probe = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = probe.sockets[0].getsockname()[1]
    probe.close()
    await probe.wait_closed()
    server = Server(
        app(receiver, clock=lambda: now),
        address="127.0.0.1",
        port=port,
        interface=Interfaces.ASGI,
        websockets=False,
        log_enabled=False,
    )
    serving = asyncio.create_task(server.serve())
    origin = f"http://127.0.0.1:{port}"
    async with httpx.AsyncClient() as client:
        while True:
            try:
                await client.get(origin)
                break
            except httpx.ConnectError:
                await asyncio.sleep(0.02)
    yield origin
    server.stop()  # type: ignore[no-untyped-call]
    await serving


async def address_of_alice(running: Running) -> dict[str, str]:
    user = running.place.snapshot.users["alice"]
    return {**ALICE, "email": user.email}


async def test_a_pushed_event_disables_a_person_and_ends_their_sessions(running: Running) -> None:
    place = running.place
    await connect_stream(place.receiver, place.act(), "watch")
    token = place.there.token(DISABLED, {}, await address_of_alice(running))
    began = time.monotonic()
    answer = await running.deliver(token)
    took = time.monotonic() - began
    assert (answer.status_code, answer.content) == (202, b"")
    assert place.standing().disabled
    assert set(place.snapshot.sessions) == {"ses_2"}
    assert took < WITHIN_SECONDS
    forged = await running.deliver(token[:-4] + "AAAA")
    assert (forged.status_code, forged.json()["err"]) == (400, "invalid_key")


async def test_a_stream_is_verified_asked_and_ended(running: Running) -> None:
    place = running.place
    await connect_stream(place.receiver, place.act(), "watch")
    await ask_verification(place.receiver, place.act(), "watch")
    (state,) = place.there.states
    assert (await running.deliver(place.there.verification("x"))).json()["err"] == "invalid_state"
    assert (await running.deliver(place.there.verification(state))).status_code == 202
    assert (await ask_status(place.receiver, place.act(), "watch")).verified_at is not None
    await disconnect_stream(place.receiver, place.act(), "watch")
    assert place.there.stream is None


async def test_a_polled_event_disables_a_person_and_is_acknowledged(running: Running) -> None:
    place = running.place
    transmitter = await place.declare(
        issuer=place.there.issuer, provider="", domains=("example.test",), delivery="poll"
    )
    await connect_stream(place.receiver, place.act(), "watch")
    jti = place.there.offer(DISABLED, {}, await address_of_alice(running))
    place.there.lies = {"aud": "another"}
    other = place.there.offer(DISABLED, {}, await address_of_alice(running))
    await Poller(place.receiver, 1).poll(transmitter, lambda: place.now)
    assert place.there.errors[other]["err"] == "invalid_audience"
    headers = place.there.calls[-1][2]
    assert (headers["content-type"], headers["content-language"]) == ("application/json", "en")
    assert place.standing().disabled
    assert set(place.snapshot.sessions) == {"ses_2"}
    assert place.there.acknowledged == [jti]
