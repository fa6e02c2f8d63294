"""What a person may open and why, what is missing elsewhere, and what was decided about them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote, urlencode

from starlette.responses import Response

from doorward.administrator.ports import DecisionQuery, StoredDecision
from doorward.entrypoints.login.account.sections import SECTIONS
from doorward.entrypoints.login.account.sign_ins import number_of
from doorward.entrypoints.login.account.visit import AccountVisit
from doorward.entrypoints.login.applications import (
    by_name,
    forecast,
    homes_of,
    within_reach,
)
from doorward.entrypoints.login.wiring import seat_of
from doorward.entrypoints.pages.words import REASONS, REMEDIES, remedy_text
from doorward.model.decision import Allow, Decision, Remedy, RemedyKind
from doorward.model.estate import Policy, Resource
from doorward.model.ids import PolicyId, UnixSeconds
from doorward.model.snapshot import Snapshot

HERE = "/account/access"
_SEE, _CHANGE = "See it", "Change it"
_A_PAGE = 12
_STEP_UP: frozenset[RemedyKind] = frozenset(
    {"step-up", "phishing-resistant", "multi-factor", "hardware-key"}
)
_PAGES: dict[RemedyKind, str] = {
    "attest-device": "/account/devices",
    "enrol-device": "/account/devices",
    "repair-device": "/account/devices",
    "verify-identity": "/account/identity",
}


@dataclass(frozen=True, slots=True)
class Step:
    """Something that is missing, and where to act on it, if anywhere."""

    title: str
    text: str
    href: str


Answer = Literal["yes", "not-yet", "no"]


@dataclass(frozen=True, slots=True)
class Permission:
    """What would be decided now: by which policies, or what is missing.

    `not-yet` is what the person can turn by themselves, with `steps`; those of a `no` ask others.
    """

    answer: Answer
    text: str
    policies: tuple[Policy, ...]
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Access:
    """A resource, where it opens (empty for nowhere), and what may be done there by its name."""

    resource: Resource
    href: str
    owner: str
    permissions: Mapping[str, Permission]


@dataclass(frozen=True, slots=True)
class DecisionWords:
    """A decision about this person."""

    id: str
    at: UnixSeconds
    application: str
    action: str
    allowed: bool
    reason: str


async def show(visit: AccountVisit) -> Response:
    """What is open or within reach; the others are not named. Then recent decisions."""
    prepared = await visit.wiring.applications.prepared(visit.snapshot)
    seat = seat_of(visit.wiring, visit.visit, visit.session.id)
    found: list[Access] = []
    for resource in by_name(visit.snapshot):
        read, path = forecast(prepared, resource, "read", seat, visit.now)
        write, _ = forecast(prepared, resource, "write", seat, visit.now)
        if any(isinstance(item, Allow) or within_reach(item) for item in (read, write)):
            found.append(_access(visit, resource, read, write, path))
    before = number_of(visit.visit.query("before"))
    decisions = await visit.wiring.control.store.find_decisions(
        DecisionQuery(subject=visit.user.id, before=before, limit=_A_PAGE + 1)
    )
    shown = decisions[:_A_PAGE]
    return visit.page(
        "account/access.html",
        accesses=found,
        decisions=[_decided(item, visit.snapshot) for item in shown],
        older=shown[-1].seq if len(decisions) > _A_PAGE else 0,
        paged=before is not None,
    )


def _access(
    visit: AccountVisit, resource: Resource, read: Decision, write: Decision, path: str
) -> Access:
    owner = visit.snapshot.users.get(resource.owner)
    home = homes_of(visit.snapshot).get(resource.id, "")
    see, alter = (_permission(item, resource, visit.snapshot) for item in (read, write))
    return Access(
        resource,
        home or (f"{visit.visit.place.of(resource)}{path}" if resource.host else ""),
        owner.name if owner else "",
        {"See and change it": see} if see == alter else {_SEE: see, _CHANGE: alter},
    )


def _permission(decision: Decision, resource: Resource, snapshot: Snapshot) -> Permission:
    policies = _policies(decision.policies, snapshot)
    if isinstance(decision, Allow):
        return Permission("yes", "", policies, ())
    steps = tuple(_step(item, resource, snapshot) for item in decision.remedies)
    if within_reach(decision):
        return Permission("not-yet", "Something is missing", policies, steps)
    return Permission("no", REASONS[decision.reason].title, policies, steps)


def _policies(ids: Iterable[PolicyId], snapshot: Snapshot) -> tuple[Policy, ...]:
    return tuple(snapshot.policies[item] for item in ids if item in snapshot.policies)


def _step(remedy: Remedy, resource: Resource, snapshot: Snapshot) -> Step:
    href = ""
    if remedy.kind in _STEP_UP:
        href = f"/step-up?{urlencode({'need': remedy.kind, 'return': HERE})}"
    elif _PAGES.get(remedy.kind) in {section.path for section in SECTIONS}:
        href = _PAGES[remedy.kind]
    elif remedy.kind == "ask-access":
        owner = snapshot.users.get(remedy.target)
        if owner is not None and owner.email:
            subject = quote(f"Access to {resource.name}")
            href = f"mailto:{quote(owner.email, safe='@')}?subject={subject}"
    return Step(REMEDIES[remedy.kind].title, remedy_text(remedy, resource.timezone), href)


def _decided(item: StoredDecision, snapshot: Snapshot) -> DecisionWords:
    record = item.record
    resource = snapshot.resources.get(record.resource)
    described = " ".join(item.description for item in _policies(record.policies, snapshot))
    return DecisionWords(
        id=record.id,
        at=record.at,
        application=resource.name if resource else record.resource,
        action={"read": _SEE, "write": _CHANGE}.get(record.action, record.action),
        allowed=record.outcome == "allow",
        reason=described or REASONS[record.reason].title,
    )
