"""What was proved a moment ago still has to stand when a session comes to rest on it."""

from __future__ import annotations

from collections.abc import Mapping

from doorward.administrator.authentication import AttemptRejectedError, Proof, digest
from doorward.administrator.credentials.assurance import (
    PASSWORD_CREDENTIAL,
    passkey_aal,
    passkey_credential,
)
from doorward.administrator.ports import Transaction
from doorward.model.estate import Authenticator


async def require_still_held(
    transaction: Transaction, proof: Proof, authenticators: Mapping[str, Authenticator]
) -> None:
    """Raises AttemptRejectedError `session-unknown` where it was removed or replaced since.

    So it does where the estate's list of authenticators, as it is now, makes less of a passkey.

    Proof and session are two transactions: what ends the sessions of a credential between them
    would not see this one.
    What a provider vouched for is `federation.ended.require_standing`'s.
    """
    if not await _held(transaction, proof, authenticators):
        raise AttemptRejectedError(
            "session-unknown",
            "What you signed in with was removed or withdrawn just now.",
            "Sign in again.",
            why="credential-ended-meanwhile",
        )


async def _held(
    transaction: Transaction, proof: Proof, authenticators: Mapping[str, Authenticator]
) -> bool:
    if proof.credential == PASSWORD_CREDENTIAL:
        password = await transaction.credentials.password(proof.user)
        return password is not None and digest(password.hash) == proof.version
    if proof.credential:
        held = await transaction.credentials.passkeys(proof.user)
        return any(
            passkey_credential(item.id) == proof.credential
            and passkey_aal(item, authenticators) >= max(proof.aal, 1)
            for item in held
        )
    return True
