"""What was proved a moment ago still has to stand when a session comes to rest on it."""

from __future__ import annotations

from doorward.administrator.authentication import Proof
from doorward.administrator.credentials.assurance import PASSWORD_CREDENTIAL, passkey_credential
from doorward.administrator.ports import Transaction
from doorward.errors import DoorwardError


async def require_still_held(transaction: Transaction, proof: Proof) -> None:
    """Raises DoorwardError `session-unknown` where it was removed since, with the sessions of it.

    Proof and session are two transactions: a removal between them would not see the session.
    What a provider vouched for is `federation.ended.require_standing`'s.
    """
    if not await _held(transaction, proof):
        raise DoorwardError(
            "session-unknown", "What you signed in with was removed just now.", "Sign in again."
        )


async def _held(transaction: Transaction, proof: Proof) -> bool:
    if proof.credential == PASSWORD_CREDENTIAL:
        return await transaction.credentials.password(proof.user) is not None
    if proof.credential:
        held = await transaction.credentials.passkeys(proof.user)
        return any(passkey_credential(item.id) == proof.credential for item in held)
    return True
