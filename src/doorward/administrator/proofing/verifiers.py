"""Who may verify others: a role, training in force, a fresh sign-in, and never oneself."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from doorward.administrator.control_plane import Act
from doorward.administrator.credentials.assurance import may_vouch
from doorward.administrator.identity.records import Training
from doorward.administrator.ports import Transaction
from doorward.administrator.proofing.parts import DAY_SECONDS, Proofing
from doorward.administrator.targets import user_named
from doorward.errors import DoorwardError
from doorward.model.ids import RoleId, SessionId, UnixSeconds, UserId
from doorward.model.snapshot import Snapshot

LONGEST_TRAINING_SECONDS = 366 * DAY_SECONDS
"""A verifier is assessed once a year at least (SP 800-63A-4, 3.1.12)."""

_PERSON = "user:"


@dataclass(frozen=True, slots=True)
class Desk:
    """Who works a case: an act, and the session in which it is done, empty for machines."""

    act: Act
    session: SessionId

    @property
    def person(self) -> UserId:
        """Raises DoorwardError `verifier-person-needed`: nobody stands behind a socket."""
        if not self.session or not self.act.actor.startswith(_PERSON):
            raise DoorwardError(
                "verifier-person-needed",
                "A case is worked by a person who is signed in, not by a command or a service.",
                "Work it in the console, under Identity.",
            )
        return UserId(self.act.actor.removeprefix(_PERSON))


async def require_verifier(
    proofing: Proofing, transaction: Transaction, desk: Desk, subject: UserId
) -> UserId:
    """The person at the desk, who may work this subject's case.

    Raises DoorwardError `verifier-person-needed`, `verifier-is-subject`, `verifier-role-missing`,
    `verifier-untrained`.
    """
    verifier = desk.person
    await require_qualified(proofing, transaction, verifier, subject, desk.act.at)
    return verifier


async def hindrance(
    proofing: Proofing, transaction: Transaction, desk: Desk, subject: UserId
) -> DoorwardError | None:
    """What `require_verifier` raises; None where the person may work this subject's case."""
    try:
        await require_verifier(proofing, transaction, desk, subject)
    except DoorwardError as error:
        return error
    return None


async def require_qualified(
    proofing: Proofing, transaction: Transaction, verifier: UserId, subject: UserId, at: UnixSeconds
) -> None:
    """Whether `verifier` may work this subject's case. Raises as `require_verifier`."""
    person = await user_named(transaction, verifier)
    if verifier == subject:
        raise DoorwardError(
            "verifier-is-subject",
            "Nobody verifies their own identity.",
            "Let another verifier work this case.",
        )
    if proofing.verifier_role not in person.roles:
        raise DoorwardError(
            "verifier-role-missing",
            f"Only people with the role `{proofing.verifier_role}` work cases.",
            "Give them the role in the estate, or choose another with verifier_role.",
        )
    if not in_force(await transaction.identity.trainings.all(), verifier, at):
        raise DoorwardError(
            "verifier-untrained",
            "Your training as a verifier is not recorded, or has run out.",
            "Once you are trained: doorward verifier train USER --until DATE.",
        )


def require_fresh(snapshot: Snapshot, desk: Desk) -> None:
    """Raises DoorwardError `verifier-stale` unless a passkey was used within 15 minutes."""
    if not is_fresh(snapshot, desk):
        raise DoorwardError(
            "verifier-stale",
            "Whoever decides a case has used a passkey within the last 15 minutes.",
            "Confirm that it is you, and decide then.",
        )


def is_fresh(snapshot: Snapshot, desk: Desk) -> bool:
    """Whether the session at the desk is the person's own, fresh, and phishing-resistant."""
    session = snapshot.sessions.get(desk.session)
    return session is not None and session.user == desk.person and may_vouch(session, desk.act.at)


def in_force(trainings: Iterable[Training], user: UserId, now: UnixSeconds) -> bool:
    """Whether one of the trainings is of `user`, and good at `now`."""
    return any(item.user == user and now < item.expires_at for item in trainings)


async def train_verifier(
    proofing: Proofing, act: Act, user: UserId, *, until: UnixSeconds
) -> Training:
    """Record that `user` was trained and assessed now, good until `until`.

    Raises DoorwardError `user-unknown`, `training-invalid`, `training-of-oneself`.
    """
    if act.actor == f"{_PERSON}{user}":
        raise DoorwardError(
            "training-of-oneself",
            "Nobody records their own training.",
            "Let somebody else who runs doorward record it.",
        )
    if not act.at < until <= act.at + LONGEST_TRAINING_SECONDS:
        raise DoorwardError(
            "training-invalid",
            "Training is good for a year at most, and not into the past.",
            "Choose a day within the next 366.",
        )
    training = Training(user=user, trained_at=act.at, expires_at=until, recorded_by=act.actor)
    async with proofing.control.store.transaction() as transaction:
        await user_named(transaction, user)
        await transaction.identity.trainings.put(training)
        await transaction.audit.append(
            at=act.at,
            actor=act.actor,
            act="verifier-trained",
            target=f"user:{user}",
            detail={"until": str(int(until))},
        )
    return training


def holds_role(snapshot: Snapshot, user: UserId, role: RoleId) -> bool:
    """Whether the person has the verifiers' role."""
    person = snapshot.users.get(user)
    return person is not None and role in person.roles
