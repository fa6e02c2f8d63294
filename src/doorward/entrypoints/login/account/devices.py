"""The devices that are enrolled for a person: how each stands, what to repair, and parting."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlencode

from starlette.responses import Response

from doorward.administrator.devices.health import health_of_each, history_of
from doorward.administrator.devices.manage_devices import remove_device
from doorward.administrator.devices.suspend import suspend_device
from doorward.administrator.fleet.health import DeviceHealth, HealthChange
from doorward.administrator.fleet.ports import DeviceRecord
from doorward.entrypoints.login.account.refusals import not_yours
from doorward.entrypoints.login.account.visit import AccountVisit
from doorward.entrypoints.pages.device_words import (
    BADGES,
    PLATFORMS,
    STORAGES,
    Badge,
    FactWords,
    FindingWords,
    facts_in_words,
    findings_in_words,
    name_of,
    standings_of,
    told_of,
)
from doorward.entrypoints.pages.health_strip import DAYS, WIDTH, strip_of
from doorward.entrypoints.pages.user_agents import browser_words
from doorward.errors import DoorwardError
from doorward.model.device import Device
from doorward.model.ids import DeviceId, UnixSeconds

HERE = "/account/devices"
_CHANGES_READ = 200
_CHANGES_SHOWN = 12


@dataclass(frozen=True, slots=True)
class SessionOn:
    """A session of this person's that was begun on the device, and is good on no other."""

    browser: str
    current: bool
    started_at: UnixSeconds


@dataclass(frozen=True, slots=True)
class DeviceWords:
    """A device as its person reads it. `storage` is empty where nothing is kept of its key.

    `untold` names what cannot be told for as long as the device says nothing.
    """

    device: Device
    name: str
    href: str
    platform: str
    storage: str
    badges: tuple[Badge, ...]
    told: str
    tone: Literal["", "warn", "grave"]
    heard_at: UnixSeconds | None
    enrolled_at: UnixSeconds | None
    wrong: tuple[FindingWords, ...]
    untold: str
    advice: tuple[FindingWords, ...]
    facts: tuple[FactWords, ...]
    sessions: tuple[SessionOn, ...]


async def show(visit: AccountVisit) -> Response:
    """Each device, those that need their person first; or the one that `device` names."""
    named = visit.visit.query("device")
    own = own_devices(visit)
    if named:
        own = [item for item in own if item.id == named]
        if not own:
            return await not_yours(visit, "device", named, HERE)
    words = await _in_words(visit, own)
    if named:
        history = await history_of(visit.wiring.fleet, own[0].id, limit=_CHANGES_READ)
        return _one(visit, words[0], history)
    words.sort(key=lambda item: (_URGENCY[item.tone], item.name.casefold(), item.device.id))
    return visit.page("account/devices.html", devices=words)


async def remove(visit: AccountVisit) -> Response:
    """Forget a device of this person's, who has just proved to be that person."""
    named = (await visit.visit.form()).get("device", "")
    device = next((item for item in own_devices(visit) if item.id == named), None)
    if device is None:
        return await not_yours(visit, "device", named, HERE)
    if not visit.fresh:
        return visit.confirm(HERE)
    try:
        effect = await remove_device(visit.wiring.control, visit.act, device.id)
    except DoorwardError as error:
        if error.code != "device-unknown":
            raise
        return visit.done(HERE, "device-removed")
    return visit.done(HERE, "device-removed", effect)


async def lost(visit: AccountVisit) -> Response:
    """Suspend a device of this person's. That needs no fresh sign-in: it only takes away."""
    named = (await visit.visit.form()).get("device", "")
    device = next((item for item in own_devices(visit) if item.id == named), None)
    if device is None:
        return await not_yours(visit, "device", named, HERE)
    effect = await suspend_device(visit.wiring.control, visit.act, device.id, "lost")
    return visit.done(HERE, "device-lost", effect)


def own_devices(visit: AccountVisit) -> list[Device]:
    """Those of the visitor."""
    return [item for item in visit.snapshot.devices.values() if item.owner == visit.user.id]


def page_of(device: DeviceId) -> str:
    """Where a person finds a device of theirs."""
    return f"{HERE}?{urlencode({'device': device})}"


def _one(visit: AccountVisit, words: DeviceWords, history: Sequence[HealthChange]) -> Response:
    return visit.page(
        "account/device.html",
        item=words,
        strip=strip_of(history, visit.now),
        strip_width=WIDTH,
        strip_days=DAYS,
        changes=history[:_CHANGES_SHOWN],
    )


async def _in_words(visit: AccountVisit, devices: Iterable[Device]) -> list[DeviceWords]:
    own = {device.id: device for device in devices}
    healths = await health_of_each(visit.wiring.fleet, list(own), visit.now)
    known = {item.device: item for item in healths}
    async with visit.wiring.control.store.transaction() as transaction:
        records = {item: await transaction.devices.records.get(item) for item in own}
    return [_words(visit, device, known.get(item), records[item]) for item, device in own.items()]


def _words(
    visit: AccountVisit, device: Device, health: DeviceHealth | None, record: DeviceRecord | None
) -> DeviceWords:
    silent = health is not None and health.silent
    standings = standings_of(device, silent=silent)
    found = findings_in_words(() if health is None or device.suspended else health.findings)
    mute = silent or health is None or health.last_seen_at is None
    untold = [item.title for item in found if mute and item.weight == "unknown"]
    wrong = tuple(item for item in found if item.weight != "advice" and item.title not in untold)
    return DeviceWords(
        device=device,
        name=name_of(device),
        href=page_of(device.id),
        platform=PLATFORMS[device.platform],
        storage="" if record is None else STORAGES[record.storage],
        badges=tuple(BADGES[item] for item in standings),
        told=told_of(device, health),
        tone=_TONES.get(standings[-1], "warn" if wrong else ""),
        heard_at=None if health is None else health.last_seen_at,
        enrolled_at=None if record is None else record.enrolled_at,
        wrong=wrong,
        untold=", ".join(dict.fromkeys(untold)),
        advice=tuple(item for item in found if item.weight == "advice"),
        facts=tuple(facts_in_words(() if health is None else health.known)),
        sessions=_sessions(visit, device.id),
    )


def _sessions(visit: AccountVisit, device: DeviceId) -> tuple[SessionOn, ...]:
    own = [
        session
        for session in visit.snapshot.sessions.values()
        if session.user == visit.user.id
        and session.device == device
        and visit.now < session.expires_at
    ]
    own.sort(key=lambda session: -session.started_at)
    return tuple(
        SessionOn(
            browser_words(session.user_agent), session.id == visit.session.id, session.started_at
        )
        for session in own
    )


_TONES: Mapping[str, Literal["", "warn", "grave"]] = {
    "suspended": "grave",
    "unhealthy": "grave",
    "unknown": "warn",
    "silent": "warn",
}
_URGENCY = {"grave": 0, "warn": 1, "": 2}
