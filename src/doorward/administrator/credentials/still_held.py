"""What was proved a moment ago still has to stand when a session comes to rest on it."""

from __future__ import annotations

from doorward.administrator.authentication import Proof, digest
from doorward.administrator.credentials.assurance import PASSWORD_CREDENTIAL, passkey_credential
from doorward.administrator.ports import Transaction
from doorward.errors import DoorwardError


async def require_still_held(transaction: Transaction, proof: Proof) -> None:
    """Raises DoorwardError `session-unknown` where it was removed or replaced since.

    Proof and session are two transactions: what ends the sessions of a credential between them
    would not see this one.
    What a provider vouched for is `federation.ended.require_standing`'s.
    """
    if not await _held(transaction, proof):
        raise DoorwardError(
            "session-unknown", "What you signed in with was removed just now.", "Sign in again."
        )


async def _held(transaction: Transaction, proof: Proof) -> bool:
    if proof.credential == PASSWORD_CREDENTIAL:
        password = await transaction.credentials.password(proof.user)
        return password is not None and digest(password.hash) == proof.version
    if proof.credential:
        held = await transaction.credentials.passkeys(proof.user)
        return any(passkey_credential(item.id) == proof.credential for item in held)
    return True
