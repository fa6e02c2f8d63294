"""Register a passkey: the ceremony that invitation, account page and recovery share."""

from __future__ import annotations

from collections.abc import Mapping

from doorward.administrator.authentication import (
    AttemptRejectedError,
    Authenticators,
    Browser,
    NewCredential,
    PasskeyRejectedError,
)
from doorward.administrator.control_plane import ControlPlane
from doorward.administrator.credentials.accepted import model_names
from doorward.administrator.credentials.assurance import passkey_aal, refusal
from doorward.administrator.credentials.passkey_names import checked_name, suggested_name
from doorward.administrator.passkey_challenge import new_challenge, use_challenge
from doorward.administrator.ports import Passkey, Transaction
from doorward.administrator.settled import settled
from doorward.errors import DoorwardError
from doorward.model.estate import Authenticator, User
from doorward.model.ids import UnixSeconds

MAX_PASSKEYS = 32


async def registration_options(
    authenticators: Authenticators,
    browser: Browser,
    user: User,
    now: UnixSeconds,
    *,
    anew: bool = False,
) -> dict[str, object]:
    """Options for `navigator.credentials.create`.

    A device that holds a passkey of the person makes no other, unless all begins `anew`, or that
    one is not taken any more.
    """
    challenge = new_challenge(authenticators, browser, "registration", user.id, now)
    control = authenticators.control
    async with control.store.transaction() as transaction:
        held = () if anew else await transaction.credentials.passkeys(user.id)
    models = control.live.current.authenticators
    existing = [item for item in held if passkey_aal(item, models)]
    return authenticators.relying_party.registration_options(
        user, challenge, existing, attested=bool(models)
    )


async def verified_registration(
    authenticators: Authenticators,
    browser: Browser,
    user: User,
    response: Mapping[str, object],
    now: UnixSeconds,
) -> NewCredential:
    """The passkey that the browser's answer proves. Uses the challenge up.

    Raises PasskeyRejectedError.
    """
    credential = authenticators.relying_party.read(response)
    async with authenticators.control.store.transaction() as transaction:
        fault = await use_challenge(
            authenticators, transaction, browser, "registration", credential, user.id, now
        )
    if fault:
        raise PasskeyRejectedError(fault)
    return authenticators.relying_party.verify_registration(credential)


def require_allowed(authenticators: Mapping[str, Authenticator], new: NewCredential) -> None:
    """Raises AttemptRejectedError `authenticator-refused`.

    Where the estate names models, a passkey must prove that it is one of them.
    """
    why = refusal(new.aaguid, authenticators, attested=new.attested)
    if not why:
        return
    raise AttemptRejectedError(
        "authenticator-refused",
        _REFUSED[why],
        f"Use one of these: {model_names(authenticators)}."
        " Let the browser show the device's make and model.",
        why=f"authenticator-{why}",
    )


_REFUSED = {
    "unattested": "This device did not prove which model it is.",
    "unlisted": "Your organisation does not accept passkeys of this model.",
}


async def keep_passkey(
    control: ControlPlane,
    transaction: Transaction,
    user: User,
    new: NewCredential,
    browser: Browser,
    now: UnixSeconds,
    name: str = "",
) -> Passkey:
    """Store it, under `name` or one that is suggested, where the estate takes its model by then.

    Raises what `require_allowed` raises, PasskeyRejectedError where it is registered already,
    DoorwardError `too-many-passkeys` and `passkey-name-invalid`.
    """
    require_allowed((await settled(control, transaction)).authenticators, new)
    if await transaction.credentials.passkey(new.id) is not None:
        raise PasskeyRejectedError("passkey-already-registered")
    existing = await transaction.credentials.passkeys(user.id)
    if len(existing) >= MAX_PASSKEYS:
        raise DoorwardError(
            "too-many-passkeys",
            f"You have {MAX_PASSKEYS} passkeys already.",
            "Remove one that you no longer use.",
        )
    taken = (item.name for item in existing)
    passkey = Passkey(
        id=new.id,
        user=user.id,
        name=checked_name(name) if name else suggested_name(new.aaguid, browser.user_agent, taken),
        public_key=new.public_key,
        sign_count=new.sign_count,
        transports=new.transports,
        aaguid=new.aaguid,
        created_at=now,
        last_used_at=now,
        attested=new.attested,
        backup_eligible=new.backup_eligible,
        backed_up=new.backed_up,
    )
    await transaction.credentials.put(passkey)
    return passkey
