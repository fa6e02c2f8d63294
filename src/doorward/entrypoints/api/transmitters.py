"""Transmitters of security events: their secrets and streams, and what was received of them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import Field

from doorward.administrator.receiver.keep_secrets import set_transmitter_secret
from doorward.administrator.receiver.streams import (
    ask_status,
    ask_verification,
    connect_stream,
    disconnect_stream,
)
from doorward.administrator.receiver_ports import Outcome, StreamRecord
from doorward.entrypoints.api.bodies import Body
from doorward.entrypoints.api.context import Caller, Context, Ports
from doorward.entrypoints.api.views import View
from doorward.model.transmitter import Transmitter

router = APIRouter(prefix="/transmitters", tags=["signals"])
signals_router = APIRouter(prefix="/received-signals", tags=["signals"])

_MAX_PAGE = 1000


class TransmitterView(View):
    """A transmitter of the estate, and its stream. Secrets are never answered, only whether set.

    `push_url` is where it pushes to, empty for one that is polled. `verifying` says that a
    verification was asked for and has not come, `problem` what went wrong with the last poll of
    this control process, empty for nothing.
    """

    id: str
    name: str
    issuer: str
    delivery: Literal["push", "poll"]
    events: tuple[str, ...]
    effects: tuple[str, ...]
    push_url: str
    management_set: bool
    push_set: bool
    stream: str
    audience: tuple[str, ...]
    delivered: tuple[str, ...]
    status: str
    connected_at: datetime | None
    asked_at: datetime | None
    verifying: bool
    verified_at: datetime | None
    heard_at: datetime | None
    problem: str


class TransmitterSecretBody(Body):
    """The token for the transmitter's API, or the bearer that it pushes with; empty forgets it."""

    kind: Literal["management", "push"] = "management"
    secret: Annotated[str, Field(max_length=4096, repr=False)]


class TransmitterSecretView(View):
    """Whether there is such a secret now."""

    secret_set: bool


class ReceivedSignalView(View):
    """A signal that was received. `outcome` says what came of it, `detail` more of that."""

    seq: int
    transmitter: str
    jti: str
    type: str
    subject: str
    at: datetime
    received_at: datetime
    outcome: Outcome
    detail: str


class ReceivedSignalPage(View):
    """Newest first; `before` asks for the next older page, None at the end."""

    signals: tuple[ReceivedSignalView, ...]
    before: int | None


@router.get("")
async def list_transmitters(ports: Ports, _: Caller) -> list[TransmitterView]:
    """Every transmitter, by name; nothing is asked of them."""
    return await transmitter_views(ports)


@router.get("/{transmitter}")
async def show_transmitter(ports: Ports, _: Caller, transmitter: str) -> TransmitterView:
    """One transmitter; nothing is asked of it."""
    declared = ports.receiver.transmitter(transmitter)
    return _view(ports, declared, await ports.receiver.record(declared))


@router.put("/{transmitter}/secret")
async def set_secret(
    ports: Ports, caller: Caller, transmitter: str, body: TransmitterSecretBody
) -> TransmitterSecretView:
    """Set the token for its API, or the bearer that it pushes with."""
    act = caller.act(ports.clock())
    await set_transmitter_secret(ports.receiver, act, transmitter, body.kind, body.secret)
    return TransmitterSecretView(secret_set=bool(body.secret))


@router.post("/{transmitter}/connect")
async def connect(ports: Ports, caller: Caller, transmitter: str) -> TransmitterView:
    """Make a stream at the transmitter."""
    record = await connect_stream(ports.receiver, caller.act(ports.clock()), transmitter)
    return _view(ports, ports.receiver.transmitter(transmitter), record)


@router.post("/{transmitter}/disconnect")
async def disconnect(ports: Ports, caller: Caller, transmitter: str) -> TransmitterView:
    """Delete the stream at the transmitter."""
    record = await disconnect_stream(ports.receiver, caller.act(ports.clock()), transmitter)
    return _view(ports, ports.receiver.transmitter(transmitter), record)


@router.post("/{transmitter}/verify")
async def verify(ports: Ports, caller: Caller, transmitter: str) -> TransmitterView:
    """Ask for a verification event; once it has come, `verifying` is false."""
    record = await ask_verification(ports.receiver, caller.act(ports.clock()), transmitter)
    return _view(ports, ports.receiver.transmitter(transmitter), record)


@router.post("/{transmitter}/status")
async def status(ports: Ports, caller: Caller, transmitter: str) -> TransmitterView:
    """Ask the transmitter for the stream's status."""
    record = await ask_status(ports.receiver, caller.act(ports.clock()), transmitter)
    return _view(ports, ports.receiver.transmitter(transmitter), record)


@signals_router.get("")
async def list_received(
    ports: Ports,
    _: Caller,
    before: int | None = None,
    limit: Annotated[int, Query(ge=1, le=_MAX_PAGE)] = 100,
) -> ReceivedSignalPage:
    """What was received, newest first."""
    found = await received_views(ports, before=before, limit=limit)
    older = found[-1].seq if len(found) == limit else None
    return ReceivedSignalPage(signals=tuple(found), before=older)


async def received_views(
    ports: Context, *, before: int | None = None, limit: int = 100
) -> list[ReceivedSignalView]:
    """The newest signals."""
    async with ports.control.store.transaction() as transaction:
        found = await transaction.receiver.signals.latest(before=before, limit=limit)
    return [ReceivedSignalView.model_validate(signal) for signal in found]


async def transmitter_views(ports: Context) -> list[TransmitterView]:
    """Every transmitter as it is known in this process."""
    receiver = ports.receiver
    declared = receiver.transmitters()
    return [_view(ports, item, await receiver.record(item)) for item in declared]


def _view(ports: Context, transmitter: Transmitter, record: StreamRecord) -> TransmitterView:
    trouble = ports.receiver.troubles.get(transmitter.id)
    pushes = transmitter.delivery == "push"
    return TransmitterView.model_validate(
        {
            "id": transmitter.id,
            "name": transmitter.name,
            "issuer": transmitter.issuer,
            "delivery": transmitter.delivery,
            "events": transmitter.events,
            "effects": transmitter.effects,
            "push_url": ports.receiver.push_url(transmitter) if pushes else "",
            "management_set": record.management is not None,
            "push_set": bool(record.push_hash),
            "stream": record.stream,
            "audience": record.audience,
            "delivered": record.delivered,
            "status": record.status,
            "connected_at": record.connected_at,
            "asked_at": record.asked_at,
            "verifying": bool(record.state_hash),
            "verified_at": record.verified_at,
            "heard_at": record.heard_at,
            "problem": "" if trouble is None else trouble.detail,
        }
    )
