"""The page of the fleet: how it stands, what fails, who fell silent, and a list to search."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import cast, get_args
from urllib.parse import urlencode

from starlette.datastructures import QueryParams
from starlette.responses import Response

from doorward.administrator.devices import health
from doorward.administrator.devices.search import Search, find_devices
from doorward.administrator.fleet.health import CheckCount, DeviceHealth, SilentDevice
from doorward.entrypoints.console.fleet_chart import RANGES, STACK, Chart, chart_of
from doorward.entrypoints.console.visit import Visit
from doorward.entrypoints.pages.device_words import (
    BADGES,
    PLATFORMS,
    STANDINGS,
    Badge,
    name_of,
    standings_of,
)
from doorward.model.compliance import Compliance, Mode
from doorward.model.device import Device, Platform
from doorward.model.ids import ComplianceId, UnixSeconds
from doorward.model.posture import FACTS, FactName
from doorward.model.snapshot import Snapshot

_A_PAGE = 50
_BESIDE = 6
_LONGEST_SEARCH = 200
_DAY = 86_400
_FACTS = frozenset(get_args(FactName))


@dataclass(frozen=True, slots=True)
class Line:
    """A device in the list."""

    id: str
    name: str
    owner: str
    owner_name: str
    platform: str
    badges: tuple[Badge, ...]
    wrong: str
    advice: int
    risk: int
    heard_at: UnixSeconds | None


@dataclass(frozen=True, slots=True)
class FailingCheck:
    """A check, and how many devices do not pass it in which way."""

    title: str
    policy: str
    mode: Mode
    failing: int
    grace: int
    unknown: int
    query: str


async def show(visit: Visit) -> Response:
    """The whole fleet; with a filter in force, only what fits it."""
    fleet, asked = visit.context.fleet, visit.request.query_params
    search, offset = _search(asked, visit.snapshot), _number(asked.get("from", ""))
    filters = _filters(search)
    found = await find_devices(fleet, search, visit.now, offset=offset, limit=_A_PAGE)
    ids = [device.id for device in found.devices]
    known = {item.device: item for item in await health.health_of_each(fleet, ids, visit.now)}
    now = await health.fleet_summary(fleet, visit.now)
    return visit.page(
        "devices.html",
        summary=now,
        total=len(visit.snapshot.devices),
        badges=BADGES,
        standings=STANDINGS,
        platforms=PLATFORMS,
        search=search,
        sought_check=_check_title(search, visit.snapshot),
        filters=filters,
        lines=[_line(device, known.get(device.id), visit.snapshot) for device in found.devices],
        fitting=found.total,
        offset=offset,
        shown=_A_PAGE,
        over=None if filters else await _over(visit),
    )


@dataclass(frozen=True, slots=True)
class Over:
    """What stands above the list while nothing is searched for."""

    range: str
    chart: Chart | None
    stack: tuple[str, ...]
    checks: list[FailingCheck]
    silent: list[tuple[str, SilentDevice]]
    suspended: list[tuple[str, Device]]


async def _over(visit: Visit) -> Over:
    fleet, asked = visit.context.fleet, visit.request.query_params.get("over", "")
    span = asked if asked in RANGES else "week"
    samples = await health.fleet_samples(fleet, visit.now - RANGES[span] * _DAY)
    silent = await health.silent_devices(fleet, visit.now, limit=_BESIDE)
    devices = visit.snapshot.devices
    suspended = [device for device in devices.values() if device.suspended]
    suspended.sort(key=lambda device: (device.suspended, name_of(device)))
    return Over(
        range=span,
        chart=chart_of(samples, visit.now, RANGES[span]),
        stack=STACK,
        checks=_checks(await health.failing_checks(fleet), visit.snapshot.compliances),
        silent=[(name_of(devices[item.device]), item) for item in silent if item.device in devices],
        suspended=[(name_of(device), device) for device in suspended[:_BESIDE]],
    )


def _checks(counts: Iterable[CheckCount], policies: Mapping[str, Compliance]) -> list[FailingCheck]:
    """The most failing first, those that are enforced before those that are not."""
    found: dict[tuple[ComplianceId, FactName], dict[str, int]] = {}
    for item in counts:
        states = found.setdefault((item.policy, item.fact), {})
        states[item.state] = item.devices
    rows = [
        FailingCheck(
            title=FACTS[fact].title,
            policy=policies[policy].name,
            mode=policies[policy].mode,
            failing=states.get("failing", 0),
            grace=states.get("grace", 0),
            unknown=states.get("unknown", 0),
            query=urlencode({"check": f"{policy}/{fact}"}),
        )
        for (policy, fact), states in found.items()
        if policy in policies
    ]
    return sorted(
        rows,
        key=lambda row: (-row.failing, row.mode == "report", -row.grace, -row.unknown, row.title),
    )


def _line(device: Device, known: DeviceHealth | None, snapshot: Snapshot) -> Line:
    owner = snapshot.users.get(device.owner)
    findings = () if known is None else known.findings
    return Line(
        id=device.id,
        name=name_of(device),
        owner=device.owner,
        owner_name=device.owner if owner is None else owner.name,
        platform=PLATFORMS[device.platform],
        badges=tuple(
            BADGES[item] for item in standings_of(device, silent=known is not None and known.silent)
        ),
        wrong=_wrong(device, known),
        advice=sum(not item.enforced and item.state == "failing" for item in findings),
        risk=device.risk,
        heard_at=None if known is None else known.last_seen_at,
    )


def _wrong(device: Device, known: DeviceHealth | None) -> str:
    if device.suspended:
        return {"lost": "Reported lost", "cloned": "Two devices use its key"}[device.suspended]
    if device.healthy is not True or known is None:
        return device.reason
    waiting = [FACTS[item.fact].title for item in known.findings if item.state == "grace"]
    return f"In time: {', '.join(waiting)}." if waiting else ""


def _search(asked: QueryParams, snapshot: Snapshot) -> Search:
    """What a query asks for; what is none is left out."""
    state, platform = asked.get("state", ""), asked.get("platform", "")
    policy, _, fact = asked.get("check", "").partition("/")
    check = None
    if fact in _FACTS and policy in snapshot.compliances:
        check = (ComplianceId(policy), cast("FactName", fact))
    return Search(
        text=asked.get("q", "").strip()[:_LONGEST_SEARCH],
        standing=state if state in STANDINGS else None,
        platform=cast("Platform", platform) if platform in PLATFORMS else None,
        owner=asked.get("owner", "")[:_LONGEST_SEARCH],
        check=check,
    )


def _filters(search: Search) -> dict[str, str]:
    """The search as a query's fields; those without a value are left out."""
    check = "/".join(search.check) if search.check else ""
    fields = {
        "q": search.text,
        "state": search.standing or "",
        "platform": search.platform or "",
        "owner": search.owner,
        "check": check,
    }
    return {name: value for name, value in fields.items() if value}


def _check_title(search: Search, snapshot: Snapshot) -> str:
    if search.check is None:
        return ""
    policy, fact = search.check
    return f"{FACTS[fact].title} ({snapshot.compliances[policy].name})"


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 10 else 0  # noqa: PLR2004
