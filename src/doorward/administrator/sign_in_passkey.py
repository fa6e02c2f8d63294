"""Sign in, or prove again who one is, with a passkey."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from doorward.administrator.attempts import admit, network_of, recorded
from doorward.administrator.authentication import (
    Authenticators,
    Browser,
    PasskeyRejectedError,
    Proof,
    UnverifiedCredential,
)
from doorward.administrator.credentials.accepted import require_accepted
from doorward.administrator.credentials.assurance import HARDWARE, passkey_aal, passkey_proof
from doorward.administrator.passkey_challenge import new_challenge, use_challenge
from doorward.administrator.ports import Passkey, Transaction
from doorward.errors import DoorwardError
from doorward.model.ids import UnixSeconds, UserId


async def begin_passkey(
    authenticators: Authenticators,
    browser: Browser,
    *,
    user: UserId | None,
    now: UnixSeconds,
    aal: int = 1,
) -> dict[str, object]:
    """Options for `navigator.credentials.get`; without a user, any discoverable passkey.

    Of a user's passkeys, those that reach `aal`. Nobody's name is asked for, so nobody learns
    whether it exists. Raises TooManyAttemptsError, and DoorwardError `no-such-passkey`.
    """
    await admit(authenticators, f"passkey-address:{network_of(browser.address)}")
    challenge = await new_challenge(authenticators, browser, "authentication", user, now)
    allowed: list[Passkey] = []
    if user is not None:
        async with authenticators.control.store.transaction() as transaction:
            held = await transaction.credentials.passkeys(user)
        models = authenticators.control.live.current.authenticators
        allowed = [passkey for passkey in held if passkey_aal(passkey, models) >= aal]
        if not allowed:
            raise _none_such(aal)
    return authenticators.relying_party.authentication_options(challenge, allowed)


async def sign_in_passkey(
    authenticators: Authenticators,
    browser: Browser,
    response: Mapping[str, object],
    *,
    user: UserId | None,
    now: UnixSeconds,
) -> Proof:
    """What the browser's answer proves. Raises PasskeyRejectedError or TooManyAttemptsError.

    Raises what `require_accepted` raises where the passkey itself was proved.
    Only the address is counted: no number of failures keeps a person from their passkey.
    """
    target = f"user:{user}" if user else "unknown"
    async with recorded(authenticators, browser, method="passkey", target=target, at=now):
        await admit(authenticators, f"passkey-address:{network_of(browser.address)}")
        credential = authenticators.relying_party.read(response)
        rejected: PasskeyRejectedError | None = None
        async with authenticators.control.store.transaction() as transaction:
            try:
                fault = await use_challenge(
                    transaction, browser, "authentication", credential, user, now
                )
                passkey = await _verified(authenticators, transaction, credential, fault, now)
            except PasskeyRejectedError as error:
                rejected = error
        if rejected is not None:
            raise rejected
        if user is not None and passkey.user != user:
            raise PasskeyRejectedError("passkey-of-somebody-else")
        models = authenticators.control.live.current.authenticators
        require_accepted(passkey, models)
    return passkey_proof(passkey, models)


async def _verified(
    authenticators: Authenticators,
    transaction: Transaction,
    credential: UnverifiedCredential,
    fault: str,
    now: UnixSeconds,
) -> Passkey:
    """The passkey, its new sign count stored by the transaction that compared the old one.

    `fault` is what is wrong with the challenge. Raises PasskeyRejectedError.
    """
    if fault:
        raise PasskeyRejectedError(fault)
    passkey = await transaction.credentials.passkey(credential.id)
    if passkey is None:
        raise PasskeyRejectedError("passkey-unknown")
    try:
        seen = authenticators.relying_party.verify_authentication(credential, passkey)
    except PasskeyRejectedError as rejected:
        rejected.person = passkey.user
        raise
    used = msgspec.structs.replace(
        passkey,
        sign_count=seen.sign_count,
        backup_eligible=seen.backup_eligible,
        backed_up=seen.backed_up,
        last_used_at=now,
    )
    await transaction.credentials.put(used)
    return used


def _none_such(aal: int) -> DoorwardError:
    if aal >= HARDWARE:
        return DoorwardError(
            "no-such-passkey",
            "None of your passkeys is kept in hardware that your organisation approves.",
            "Ask for an approved security key, and add it under Ways to sign in.",
        )
    return DoorwardError("no-such-passkey", "You have no passkey yet.", "Use your password.")
