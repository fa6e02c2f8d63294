"""The secrets with which osquery's hosts enrol: made, listed, revoked."""

from __future__ import annotations

from dataclasses import dataclass

from doorward.administrator.authentication import digest
from doorward.administrator.control_plane import Act, ControlPlane
from doorward.administrator.fleet.osquery_ports import OsquerySecret
from doorward.errors import DoorwardError
from doorward.model.ids import UnixSeconds

MAX_NOTE = 200


@dataclass(frozen=True, slots=True)
class NewSecret:
    """A secret; `plain` is shown once and stored nowhere."""

    secret: OsquerySecret
    plain: str


async def new_secret(
    control: ControlPlane, act: Act, *, note: str, expires_at: UnixSeconds | None
) -> NewSecret:
    """Whoever has it may enrol hosts, until `expires_at`.

    Raises DoorwardError `osquery-secret-invalid`.
    """
    if len(note) > MAX_NOTE or (expires_at is not None and expires_at <= act.at):
        raise DoorwardError(
            "osquery-secret-invalid",
            f"A note has at most {MAX_NOTE} characters, and a secret ends in the future.",
            "Choose a shorter note, or a later end.",
        )
    plain = control.secrets.token()
    secret = OsquerySecret(
        id=control.secrets.id("oqs"),
        hash=digest(plain),
        note=note,
        created_at=act.at,
        expires_at=expires_at,
    )
    async with control.store.transaction() as transaction:
        await transaction.devices.osquery.secrets.put(secret)
        await transaction.audit.append(
            at=act.at,
            actor=act.actor,
            act="osquery-secret-made",
            target=f"osquery_secret:{secret.id}",
            detail={"note": note},
        )
    return NewSecret(secret, plain)


async def revoke_secret(control: ControlPlane, act: Act, secret: str) -> None:
    """Nobody enrols with it any more; who did so before stays. Raises `osquery-secret-unknown`."""
    async with control.store.transaction() as transaction:
        if not await transaction.devices.osquery.secrets.remove(secret):
            raise DoorwardError(
                "osquery-secret-unknown",
                f"There is no secret `{secret}`.",
                "List them with doorward osquery secret list.",
            )
        await transaction.audit.append(
            at=act.at,
            actor=act.actor,
            act="osquery-secret-revoked",
            target=f"osquery_secret:{secret}",
            detail={},
        )
