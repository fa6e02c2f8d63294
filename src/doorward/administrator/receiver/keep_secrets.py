"""What a transmitter proves itself by, and what doorward proves itself to it by."""

from __future__ import annotations

import re
from typing import Literal

import msgspec

from doorward.administrator.authentication import digest
from doorward.administrator.control_plane import Act
from doorward.administrator.receiver.receiver import Receiver, record_of
from doorward.errors import DoorwardError
from doorward.model.transmitter import Transmitter

SecretKind = Literal["management", "push"]

_TOKEN = re.compile(r"[!-~]{16,4096}")


async def set_transmitter_secret(
    receiver: Receiver, act: Act, transmitter_id: str, kind: SecretKind, secret: str
) -> None:
    """Keep `secret`, or forget the one there is where it is empty.

    `management` is the token for the transmitter's own API, kept sealed; `push` is the bearer that
    the transmitter sends along, of which only the hash is kept. Raises DoorwardError
    `transmitter-unknown`, `transmitter-secret-invalid`.
    """
    transmitter = receiver.transmitter(transmitter_id)
    if secret and not _TOKEN.fullmatch(secret):
        raise DoorwardError(
            "transmitter-secret-invalid",
            "This is no token: it is shorter than 16 characters, too long, or not printable ASCII.",
            "Copy it from the transmitter once more.",
        )
    async with receiver.control.store.transaction() as transaction:
        record = await record_of(transaction, transmitter)
        if kind == "push":
            record = msgspec.structs.replace(record, push_hash=digest(secret) if secret else "")
        else:
            record = msgspec.structs.replace(
                record, management=_sealed(receiver, transmitter, secret)
            )
        await transaction.receiver.streams.put(record)
        await transaction.audit.append(
            at=act.at,
            actor=act.actor,
            act="transmitter-secret-set" if secret else "transmitter-secret-removed",
            target=transmitter.authority,
            detail={"kind": kind, "issuer": transmitter.issuer},
        )


async def management_token(receiver: Receiver, transmitter: Transmitter) -> str:
    """The token for the transmitter's API.

    Raises DoorwardError `transmitter-secret-missing`, `seal-broken`.
    """
    sealed = (await receiver.record(transmitter)).management
    if sealed is None:
        raise DoorwardError(
            "transmitter-secret-missing",
            f"There is no token for the API of {transmitter.name}.",
            f"Set it: doorward signal secret {transmitter.id}.",
        )
    return receiver.sealer.open(sealed, _context(transmitter)).decode()


def _sealed(receiver: Receiver, transmitter: Transmitter, secret: str) -> bytes | None:
    return receiver.sealer.seal(secret.encode(), _context(transmitter)) if secret else None


def _context(transmitter: Transmitter) -> str:
    """A token goes to the issuer that it was set for, and to no other under the same id."""
    return f"transmitter-secret:{transmitter.id}:{transmitter.issuer}"
