"""Take a verification back at once: a fraud, or a mistake."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from doorward.administrator.control_plane import Act, Effect, effect
from doorward.administrator.identity.records import End, EndKind, StoredVerification
from doorward.administrator.ports import Transaction
from doorward.administrator.proofing.parts import Proofing
from doorward.administrator.targets import standing_of
from doorward.errors import DoorwardError
from doorward.model.ids import UserId
from doorward.model.snapshot import Change, change

_ENDED: Mapping[EndKind, str] = MappingProxyType(
    {
        "revoked": "was revoked",
        "expired": "has run out",
        "superseded": "was superseded",
        "left": "ended when the person left",
    }
)


async def revoke_verification(
    proofing: Proofing, act: Act, verification_id: str, reason: str
) -> Effect:
    """End a verification: its person is unproofed again.

    Raises DoorwardError `verification-unknown`, `verification-ended`, `request-invalid`.
    """
    if not reason.strip():
        raise DoorwardError(
            "request-invalid", "A revocation has a reason.", "Say what was found, in one sentence."
        )
    async with proofing.control.store.transaction() as transaction:
        stored = await verification_named(transaction, verification_id)
        if stored.end is not None:
            raise DoorwardError(
                "verification-ended",
                f"This verification {_ENDED[stored.end.kind]} already.",
                "List those of the person again.",
            )
        user = stored.verification.user
        await transaction.identity.verifications.end(
            End(
                verification=verification_id,
                kind="revoked",
                at=act.at,
                by=act.actor,
                reason=reason.strip(),
            )
        )
        number = await transaction.snapshot.publish(await unproofed(transaction, user))
        await transaction.audit.append(
            at=act.at,
            actor=act.actor,
            act="identity-revoked",
            target=f"user:{user}",
            detail={"verification": verification_id, "reason": reason.strip()},
        )
    return await effect(proofing.control, number)


async def verification_named(transaction: Transaction, verification_id: str) -> StoredVerification:
    """Raises DoorwardError `verification-unknown`."""
    found = await transaction.identity.verifications.get(verification_id)
    if found is None:
        raise DoorwardError(
            "verification-unknown",
            f"There is no verification `{verification_id}`.",
            "List them with doorward verification list.",
        )
    return found


async def unproofed(transaction: Transaction, user: UserId) -> list[Change]:
    """The change that makes a person unproofed; none where they are."""
    standing = await standing_of(transaction, user)
    if not standing.ial:
        return []
    return [change("standing", msgspec.structs.replace(standing, ial=0, ial_until=0.0))]
