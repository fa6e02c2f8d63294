"""What the control process does by itself, for ever: each loop is one task of it.

A store that is away is logged and asked again; anything unforeseen ends the process, since what
ends by time must not go on for want of somebody who looks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

import msgspec
import structlog

from doorward.adapters.clock import now
from doorward.adapters.live_snapshot import StoreReplica
from doorward.administrator.control_plane import ControlPlane
from doorward.administrator.devices.attestation.lapse_attestations import lapse_attestations
from doorward.administrator.devices.parts import Fleet
from doorward.administrator.devices.roll import write_roll
from doorward.administrator.devices.sample_health import let_history_go, sample_health
from doorward.administrator.devices.watch import Watch
from doorward.administrator.end_idle import AT_ONCE, end_idle, tell_last
from doorward.administrator.openid.provider import Provider
from doorward.administrator.openid.signing_keys import keep_keys
from doorward.administrator.openid.tell_clients import Message, Teller
from doorward.administrator.osquery.hosts import write_hosts
from doorward.administrator.osquery.parts import Osquery
from doorward.administrator.ports import Revision, Store
from doorward.administrator.proofing.parts import Proofing
from doorward.administrator.proofing.sweep_identity import sweep_identity
from doorward.administrator.purge_decisions import BATCH, purge_decisions
from doorward.administrator.receiver.keep_polled import Poller
from doorward.administrator.receiver.receiver import Receiver
from doorward.administrator.sweep_expired import sweep_expired
from doorward.administrator.tell_passwords_off import tell_passwords_off
from doorward.errors import DoorwardError
from doorward.model.ids import UnixSeconds
from doorward.model.transmitter import Transmitter

_log = structlog.get_logger(__name__)

_MINUTE = 60
_PURGE_SECONDS = 60 * _MINUTE
_BETWEEN_BATCHES_SECONDS = 0.2
_KEYS_SECONDS = 10 * _MINUTE
_RETRY_SECONDS = 2
_TELL_SECONDS = 2
_ROLL_SECONDS = 1.0
_ATTESTED_SECONDS = 0.5
_OSQUERY_SECONDS = 1.0
_WATCH_SECONDS = 0.5
_IDENTITY_SECONDS = 10 * _MINUTE


async def keep_swept(
    control: ControlPlane,
    every_seconds: float,
    *,
    sign_in_log_days: int,
    received_signal_days: int,
    security_contact: str,
) -> None:
    """Remove what has expired, for ever; log entries when they are so many days old.

    Tells of passwords that are off.
    """
    while True:
        await asyncio.sleep(every_seconds)
        try:
            await tell_passwords_off(control, now(), security_contact)
            await sweep_expired(
                control,
                now(),
                sign_in_log_days=sign_in_log_days,
                received_signal_days=received_signal_days,
            )
        except DoorwardError as error:
            _log.warning("not-swept", code=error.code, detail=error.detail)


async def keep_used(control: ControlPlane) -> None:
    """End sessions that nobody uses, for ever; at its own end write what was heard of use."""
    limit = control.activity.limit
    pause = limit.pause_seconds
    try:
        while limit.seconds:
            await asyncio.sleep(pause)
            pause = limit.pause_seconds
            try:
                if await end_idle(control, now()) == AT_ONCE:
                    pause = _BETWEEN_BATCHES_SECONDS
            except DoorwardError as error:
                _log.warning("idle-sessions-not-ended", code=error.code, detail=error.detail)
    finally:
        if limit.seconds:
            with suppress(DoorwardError):
                await tell_last(control, now())


async def keep_signals_polled(receiver: Receiver, every_seconds: float) -> None:
    """Fetch the signals of transmitters that deliver by poll, for ever."""
    poller = Poller(receiver, every_seconds)

    async def poll(transmitter: Transmitter) -> None:
        try:
            await poller.poll(transmitter, now)
        except Exception as error:  # noqa: BLE001 - what others send must not end the process
            _log.error("signals-not-polled", transmitter=transmitter.id, exc_info=error)

    async with asyncio.TaskGroup() as group:
        while True:
            for transmitter in poller.due(now()):
                group.create_task(poll(transmitter))
            await asyncio.sleep(min(every_seconds, 1))


async def keep_verified(proofing: Proofing) -> None:
    """End verifications that have run out and tell people before, for ever."""
    while True:
        try:
            await sweep_identity(proofing, now())
        except DoorwardError as error:
            _log.warning("identity-not-swept", code=error.code, detail=error.detail)
        await asyncio.sleep(_IDENTITY_SECONDS)


async def keep_attested(control: ControlPlane) -> None:
    """Take attestation back from devices whose TPM fell silent, for ever."""
    while True:
        try:
            await lapse_attestations(control, now())
        except DoorwardError as error:
            _log.warning("attestations-not-lapsed", code=error.code, detail=error.detail)
        await asyncio.sleep(_ATTESTED_SECONDS)


async def keep_roll(fleet: Fleet, replica: StoreReplica) -> None:
    """Write what devices were heard to say, and forget those that are gone, for ever."""

    def note(revision: Revision | None) -> None:
        fleet.roll.follow(() if revision is None else revision.changes)

    stop = replica.listen(note)
    try:
        while True:
            try:
                await write_roll(fleet.control.store, fleet.roll)
            except DoorwardError as error:
                _log.warning("roll-not-written", code=error.code, detail=error.detail)
            await asyncio.sleep(_ROLL_SECONDS)
    finally:
        stop()


async def keep_osquery_hosts(osquery: Osquery) -> None:
    """Write when hosts that report by osquery were heard of, for ever."""
    while True:
        try:
            await write_hosts(osquery.control.store, osquery.hosts)
        except DoorwardError as error:
            _log.warning("osquery-hosts-not-written", code=error.code, detail=error.detail)
        await asyncio.sleep(_OSQUERY_SECONDS)


async def keep_watch(fleet: Fleet, replica: StoreReplica) -> None:
    """Look at devices again whose moment has come or whose documents changed, for ever."""
    watch = Watch(fleet)
    stop = replica.listen(watch.note)
    watch.note(None)
    try:
        while True:
            watch.awake.clear()
            try:
                await watch.look(now())
            except DoorwardError as error:
                _log.warning("devices-not-watched", code=error.code, detail=error.detail)
                await asyncio.sleep(_RETRY_SECONDS)
            with suppress(TimeoutError):
                async with asyncio.timeout(_WATCH_SECONDS):
                    await watch.awake.wait()
    finally:
        stop()


async def keep_history(fleet: Fleet, keep_days: int) -> None:
    """Note how the fleet stands, and let go of what is older than `keep_days`, for ever."""
    while True:
        try:
            await sample_health(fleet, now())
            await let_history_go(fleet.control.store, now(), keep_days=keep_days)
        except DoorwardError as error:
            _log.warning("health-not-sampled", code=error.code, detail=error.detail)
        await asyncio.sleep(_MINUTE)


async def keep_purged(store: Store, clock: Callable[[], UnixSeconds], keep_days: int) -> None:
    """Remove decision records older than `keep_days`, for ever; 0 keeps them all.

    Between two batches others have their turn at the store.
    """
    while keep_days:
        pause: float = _PURGE_SECONDS
        try:
            if await purge_decisions(store, clock(), keep_days=keep_days) == BATCH:
                pause = _BETWEEN_BATCHES_SECONDS
        except DoorwardError as error:
            _log.warning("decisions-not-purged", code=error.code, detail=error.detail)
        await asyncio.sleep(pause)


async def keep_keys_fresh(openid: Provider) -> None:
    """Make the provider's signing keys, and new ones in time, for ever."""
    while True:
        pause = _KEYS_SECONDS
        try:
            await keep_keys(openid, now())
        except DoorwardError as error:
            _log.warning("signing-keys-not-kept", code=error.code, detail=error.detail)
            pause = _RETRY_SECONDS
        await asyncio.sleep(pause)


async def keep_clients_told(openid: Provider, replica: StoreReplica) -> None:
    """Tell clients of sessions that ended, at once, for ever."""
    teller, ended = Teller(openid), asyncio.Event()

    def note(revision: Revision | None) -> None:
        if revision is None or any(
            item.kind == "session" and item.body is msgspec.UNSET for item in revision.changes
        ):
            ended.set()

    async def deliver(message: Message) -> None:
        with suppress(DoorwardError):  # The store is away: the message is due again later.
            await teller.deliver(message, now())
        if teller.waiting:
            ended.set()

    stop = replica.listen(note)
    try:
        async with asyncio.TaskGroup() as group:
            while True:
                ended.clear()
                try:
                    for message in await teller.reserve(now()):
                        group.create_task(deliver(message))
                except DoorwardError as error:
                    _log.warning("clients-not-told", code=error.code, detail=error.detail)
                with suppress(TimeoutError):
                    async with asyncio.timeout(_TELL_SECONDS):
                        await ended.wait()
    finally:
        stop()
