"""Publish an estate: all of it in one transaction, or nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from doorward.administrator.control_plane import Act, ControlPlane, Effect, effect
from doorward.administrator.ending import Leaver, forget_person
from doorward.administrator.federation.redeclared import (
    other_clients,
    other_issuers,
    providers_of,
    sessions_by,
    unasserted,
    worth_less,
)
from doorward.administrator.openid.clients import forget_client
from doorward.administrator.ports import Transaction
from doorward.administrator.receiver.redeclared import forget_transmitters
from doorward.administrator.relisted import (
    ShutOut,
    relist,
    require_a_way_left,
    without,
)
from doorward.administrator.sessions_of import end_sessions
from doorward.administrator.settled import settled
from doorward.errors import DoorwardError
from doorward.estate.parse import Estate
from doorward.estate.plan import Plan, Step, plan
from doorward.estate.references import provisioned
from doorward.model.estate import IdentityProvider, User
from doorward.model.ids import ClientId, UserId
from doorward.model.snapshot import Change, Kind, Snapshot, removal
from doorward.model.transmitter import Transmitter


@dataclass(frozen=True, slots=True)
class Applied:
    """What was published, and its effect."""

    plan: Plan
    effect: Effect
    shut_out: ShutOut


async def apply_estate(
    control: ControlPlane, act: Act, wanted: Estate, *, may_shut_out: bool = False
) -> Applied:
    """Make the declared part of the snapshot what `wanted` says.

    `wanted` comes from `estate.parse_estate`, which has checked every reference and policy.
    Everything of people who are no longer declared ends (`ending.STEPS`), their standing too;
    whoever came by the word of a provider that is gone, or has another issuer, loses what rests on
    it; of one whose `acr` or `amr` rows now count for less, the strength. Sessions that rest on a
    passkey that the list of authenticators takes no longer end, or lose the AAL that they no longer
    have. Raises DoorwardError `store-conflict` where a directory has provisioned one of those that
    are declared meanwhile, and `estate-shuts-out` where somebody would have no way left to sign in,
    unless it `may_shut_out`.
    """
    async with control.store.transaction() as transaction:
        snapshot = await settled(control, transaction)
        _require_unprovisioned(snapshot, wanted)
        found = await relist(transaction, snapshot, wanted)
        if not may_shut_out:
            require_a_way_left(found.shut_out)
        intended = plan(snapshot, wanted)
        providers = providers_of(wanted)
        changes = [*intended.changes, *_consequences(snapshot, intended.steps, providers)]
        for person in _removed(intended.steps, "user"):
            leaver = Leaver(UserId(person), snapshot, act.at, act.actor)
            for left in await forget_person(transaction, leaver):
                changes += left.changes
        changes += await _without_transmitters(transaction, snapshot, wanted, changes)
        ended = {item.id for item in changes if item.kind == "session"}
        changes += without(snapshot, found, ended)
        for client in _removed(intended.steps, "client"):
            await forget_client(transaction, ClientId(client))
        for provider in other_issuers(snapshot.providers, providers):
            await transaction.federation.remove(provider, None)
        for provider in other_clients(snapshot.providers, providers):
            await transaction.federation.put_secret(provider, None)
        number = await transaction.snapshot.publish(changes)
        if changes:
            await transaction.audit.append(
                at=act.at,
                actor=act.actor,
                act="estate-applied",
                target="estate",
                detail={**_summary(intended.steps), **_shut_out(found.shut_out)},
            )
    return Applied(intended, await effect(control, number), found.shut_out)


async def _without_transmitters(
    transaction: Transaction, snapshot: Snapshot, wanted: Estate, changes: Sequence[Change]
) -> list[Change]:
    """Nobody stays kept out by a transmitter that is gone; `changes` are made already."""
    declared = wanted.documents.get("transmitter", {})
    left = {key: item for key, item in declared.items() if isinstance(item, Transmitter)}
    before = snapshot.advance(snapshot.number, changes)
    current = replace(before, transmitters=snapshot.transmitters)
    return await forget_transmitters(transaction, current, left)


def _require_unprovisioned(snapshot: Snapshot, wanted: Estate) -> None:
    """Whoever is declared must not be, or have the address of, somebody whom SCIM provisions."""
    people, groups = wanted.documents.get("user", {}), wanted.documents.get("group", {})
    others = provisioned(snapshot)
    named = {group.lower() for group in others.groups}
    taken = [group for group in groups if group.lower() in named] + [
        user.id
        for user in people.values()
        if isinstance(user, User) and {user.id.lower(), user.email.lower()} & others.users.keys()
    ]
    if taken:
        raise DoorwardError(
            "store-conflict",
            f"The directory has provisioned `{taken[0]}` meanwhile.",
            "Plan again: the files must not declare whom the directory provisions.",
        )


def _removed(steps: Sequence[Step], kind: Kind) -> list[str]:
    return [step.id for step in steps if step.act == "remove" and step.kind == kind]


def _consequences(
    snapshot: Snapshot, steps: Sequence[Step], providers: Mapping[str, IdentityProvider]
) -> list[Change]:
    """What ends with the people, services, resources and providers that are removed."""
    people = set(_removed(steps, "user"))
    services, resources = set(_removed(steps, "service")), set(_removed(steps, "resource"))
    vouched = sessions_by(snapshot, other_issuers(snapshot.providers, providers))
    return [
        *worth_less(snapshot, providers),  # first: some of them end
        *end_sessions(snapshot, vouched),
        *(item for item in unasserted(snapshot, providers) if item.id not in people),
        *(removal("standing", person) for person in people if person in snapshot.standings),
        *(
            removal("service_token", token.id)
            for token in snapshot.service_tokens.values()
            if token.service in services
        ),
        *(
            removal("cookie", cookie.id)
            for cookie in snapshot.cookies.values()
            if cookie.resource in resources
        ),
    ]


def _summary(steps: Sequence[Step]) -> dict[str, str]:
    return {
        act: " ".join(f"{step.kind}:{step.id}" for step in steps if step.act == act)
        for act in ("add", "change", "remove")
    }


def _shut_out(found: ShutOut) -> dict[str, str]:
    numbers = {
        "passkeys-refused": found.passkeys,
        "no-way-left": len(found.no_way),
        "sessions-ended": found.ended,
        "sessions-lowered": found.lowered,
    }
    return {name: str(number) for name, number in numbers.items() if number}
