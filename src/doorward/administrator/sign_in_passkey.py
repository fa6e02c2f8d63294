"""Sign in, or prove again who one is, with a passkey."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

import msgspec

from doorward.administrator.attempts import admit, network_of, recorded
from doorward.administrator.authentication import (
    Authenticators,
    Browser,
    PasskeyRejectedError,
    Proof,
    UnverifiedCredential,
    require_enabled,
)
from doorward.administrator.control_plane import Act
from doorward.administrator.credentials.accepted import require_accepted
from doorward.administrator.credentials.assurance import HARDWARE, passkey_aal, passkey_proof
from doorward.administrator.open_session import (
    NewSession,
    Sees,
    SessionCookie,
    add_session,
    session_cookie,
)
from doorward.administrator.passkey_challenge import new_challenge, use_challenge
from doorward.administrator.ports import Passkey, Transaction
from doorward.administrator.settled import settled
from doorward.errors import DoorwardError
from doorward.model.ids import UnixSeconds, UserId

T = TypeVar("T")


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
    challenge = new_challenge(authenticators, browser, "authentication", user, now)
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

    Raises what `require_accepted` and `require_enabled` raise where the passkey was proved.
    Only the address is counted: no number of failures keeps a person from their passkey.
    """

    async def only(_: Sees, proof: Proof) -> Proof:
        return proof

    return await _proved(authenticators, browser, response, user=user, now=now, then=only)


async def open_session_by_passkey(
    authenticators: Authenticators,
    browser: Browser,
    response: Mapping[str, object],
    *,
    now: UnixSeconds,
    lifetime_seconds: float,
) -> SessionCookie:
    """A session of whom the browser's answer proves, in the transaction that believes it.

    Raises what `sign_in_passkey` and `open_session` raise.
    """
    control = authenticators.control

    async def then(sees: Sees, proof: Proof) -> NewSession:
        act = Act(f"user:{proof.user}", now)
        return await add_session(control, sees, act, proof, browser, lifetime_seconds)

    new = await _proved(authenticators, browser, response, user=None, now=now, then=then)
    return await session_cookie(control, new)


async def _proved(
    authenticators: Authenticators,
    browser: Browser,
    response: Mapping[str, object],
    *,
    user: UserId | None,
    now: UnixSeconds,
    then: Callable[[Sees, Proof], Awaitable[T]],
) -> T:
    """What `then` makes of the proof, in one transaction with what the proof leaves in the store.

    A rejected answer uses the challenge up as well.
    """
    target = f"user:{user}" if user else "unknown"
    async with recorded(authenticators, browser, method="passkey", target=target, at=now):
        await admit(authenticators, f"passkey-address:{network_of(browser.address)}")
        credential = authenticators.relying_party.read(response)
        async with authenticators.control.store.transaction() as transaction:
            try:
                passkey = await _verified(
                    authenticators, transaction, browser, credential, user, now
                )
                snapshot = await settled(authenticators.control, transaction)
                require_accepted(passkey, snapshot.authenticators)
                require_enabled(snapshot, passkey.user)
            except DoorwardError as error:
                rejected = error
            else:
                proof = passkey_proof(passkey, snapshot.authenticators)
                return await then(Sees(transaction, snapshot), proof)
        raise rejected


async def _verified(
    authenticators: Authenticators,
    transaction: Transaction,
    browser: Browser,
    credential: UnverifiedCredential,
    user: UserId | None,
    now: UnixSeconds,
) -> Passkey:
    """The passkey, its new sign count stored by the transaction that compared the old one.

    Raises PasskeyRejectedError; what it left in the store then is to be committed all the same.
    """
    fault = await use_challenge(
        authenticators, transaction, browser, "authentication", credential, user, now
    )
    if not fault and user is None and credential.user_handle is None:
        fault = "passkey-without-handle"  # WebAuthn Level 3, 7.2, step 6
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
    if user is not None and passkey.user != user:
        raise PasskeyRejectedError("passkey-of-somebody-else")
    return used


def _none_such(aal: int) -> DoorwardError:
    if aal >= HARDWARE:
        return DoorwardError(
            "no-such-passkey",
            "None of your passkeys is kept in hardware that your organisation approves.",
            "Ask for an approved security key, and add it under Ways to sign in.",
        )
    return DoorwardError("no-such-passkey", "You have no passkey yet.", "Use your password.")
