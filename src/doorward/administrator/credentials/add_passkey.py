"""A person adds a passkey to those they have."""

from __future__ import annotations

from collections.abc import Mapping

from doorward.administrator.authentication import Authenticators, Browser
from doorward.administrator.credentials.own_change import own_change, refusals_noted
from doorward.administrator.credentials.passkey_names import checked_name
from doorward.administrator.credentials.register_passkey import (
    keep_passkey,
    registration_options,
    verified_registration,
)
from doorward.administrator.credentials.tell import tell_person
from doorward.administrator.ports import Passkey
from doorward.model.ids import SessionId, UnixSeconds


async def begin_adding(
    authenticators: Authenticators, browser: Browser, session: SessionId, now: UnixSeconds
) -> dict[str, object]:
    """Options for `navigator.credentials.create`. Raises what `own_change` raises."""
    async with own_change(authenticators.control, session, now) as own:
        user = own.user
    return await registration_options(authenticators, browser, user, now)


async def add_passkey(
    authenticators: Authenticators,
    browser: Browser,
    session: SessionId,
    response: Mapping[str, object],
    *,
    name: str,
    now: UnixSeconds,
) -> Passkey:
    """Keep the passkey that the browser made, under `name` or, where it is empty, a suggestion.

    Raises what `own_change`, `verified_registration` and `keep_passkey` raise.
    """
    control = authenticators.control
    if name:
        checked_name(name)
    async with own_change(control, session, now) as own:
        user = own.user
    async with refusals_noted(authenticators, browser, user, now):
        new = await verified_registration(authenticators, browser, user, response, now)
        async with own_change(control, session, now) as own:
            passkey = await keep_passkey(control, own.transaction, user, new, browser, now, name)
            await own.note(
                now,
                "passkey-added",
                passkey=passkey.id,
                name=passkey.name,
                model=passkey.aaguid,
                attested="yes" if passkey.attested else "no",
                address=browser.address,
            )
    await tell_person(
        control,
        user,
        "A passkey was added to your account",
        f"The passkey “{passkey.name}” can now sign in as you.",
        now,
        browser.address,
    )
    return passkey
