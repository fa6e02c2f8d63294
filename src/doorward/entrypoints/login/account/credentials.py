"""A person's own ways to sign in: what they are, and adding, naming, replacing, removing them."""

from __future__ import annotations

from functools import wraps
from typing import Any

import msgspec
from starlette.responses import Response

from doorward.administrator.control_plane import Effect
from doorward.administrator.credentials.accepted import why_refused
from doorward.administrator.credentials.add_passkey import add_passkey, begin_adding
from doorward.administrator.credentials.assurance import (
    FRESH_SECONDS,
    HARDWARE,
    StepUpNeededError,
    is_strong,
    passkey_aal,
    passkey_credential,
    strongest,
    ways,
)
from doorward.administrator.credentials.held import held_by
from doorward.administrator.credentials.own_password import (
    begin_password,
    remove_own_password,
    set_own_password,
)
from doorward.administrator.credentials.passkey_names import MAX_LENGTH
from doorward.administrator.credentials.recovery_codes import FEW, make_recovery_codes
from doorward.administrator.credentials.remove_passkey import remove_own_passkey
from doorward.administrator.credentials.rename_passkey import rename_passkey
from doorward.entrypoints.login.account.visit import AccountVisit, Handler
from doorward.entrypoints.login.answers import drop_cookie, error_status, json, problem, redirect
from doorward.entrypoints.login.continuation import Continuation
from doorward.entrypoints.login.visit import SESSION_COOKIE
from doorward.entrypoints.login.wiring import signed_in
from doorward.errors import DoorwardError
from doorward.model.ids import SessionId

HERE = "/account/credentials"
_ON_THE_PAGE = frozenset({"last-credential", "passkey-name-invalid"})


class _NewPasskey(msgspec.Struct, frozen=True):
    credential: dict[str, Any]
    name: str = ""


class _NewPassword(msgspec.Struct, frozen=True):
    ticket: str
    password: str
    code: str


def _for_scripts(handler: Handler) -> Handler:
    """Where the session is too weak, the script is told where to confirm it."""

    @wraps(handler)
    async def guarded(visit: AccountVisit) -> Response:
        try:
            return await handler(visit)
        except StepUpNeededError as error:
            return problem(error, location=visit.confirm(HERE, error.need).headers["location"])

    return guarded


def _for_forms(handler: Handler) -> Handler:
    """The same for a form; and what the person can put right is said on the page."""

    @wraps(handler)
    async def guarded(visit: AccountVisit) -> Response:
        try:
            return await handler(visit)
        except StepUpNeededError as error:
            return visit.confirm(HERE, error.need)
        except DoorwardError as error:
            if error.code not in _ON_THE_PAGE:
                raise
            return await _listing(visit, error)

    return guarded


async def show(visit: AccountVisit) -> Response:
    """The list, and what can be done where the session is fresh and strong."""
    return await _listing(visit)


async def _listing(
    visit: AccountVisit, error: DoorwardError | None = None, codes: tuple[str, ...] = ()
) -> Response:
    async with visit.wiring.control.store.transaction() as transaction:
        held = await held_by(transaction, visit.user.id)
    models = visit.snapshot.authenticators
    wanted, session = strongest(held, models), visit.session
    used = session.credential if "passkey" in session.methods else ""
    return visit.page(
        "account/credentials.html",
        status=200 if error is None else error_status(error),
        held=held,
        ways=ways(held, models),
        refused={item.id: why_refused(item, models) for item in held.passkeys},
        hardware={item.id for item in held.passkeys if passkey_aal(item, models) == HARDWARE},
        present=[item.id for item in held.passkeys if passkey_credential(item.id) == used],
        models=sorted(model.name for model in models.values()),
        strong=is_strong(session, wanted, visit.now),
        step_up=visit.confirm(HERE, wanted.need).headers["location"],
        fresh_minutes=FRESH_SECONDS // 60,
        longest_name=MAX_LENGTH,
        few=FEW,
        codes=codes,
        error=error,
    )


@_for_scripts
async def passkey_options(visit: AccountVisit) -> Response:
    """Options for one more passkey."""
    authenticators, browser = visit.wiring.authenticators, visit.visit.browser()
    return json(await begin_adding(authenticators, browser, visit.session.id, visit.now))


@_for_scripts
async def passkey(visit: AccountVisit) -> Response:
    """The new passkey."""
    made = await visit.visit.json(_NewPasskey)
    await add_passkey(
        visit.wiring.authenticators,
        visit.visit.browser(),
        visit.session.id,
        made.credential,
        name=made.name.strip(),
        now=visit.now,
    )
    return _location(visit.done(HERE, "passkey-added"))


@_for_forms
async def rename(visit: AccountVisit) -> Response:
    """Another name."""
    control, fields = visit.wiring.control, await visit.visit.form()
    named, name = fields.get("passkey", ""), fields.get("name", "")
    await rename_passkey(control, visit.session.id, named, name, visit.now)
    return visit.done(HERE, "passkey-renamed")


@_for_forms
async def remove(visit: AccountVisit) -> Response:
    """Forget a passkey; it may be the one that this very session rests on."""
    named = (await visit.visit.form()).get("passkey", "")
    effect = await remove_own_passkey(visit.wiring.control, visit.session.id, named, visit.now)
    return _after_removal(visit, "passkey-removed", effect)


@_for_scripts
async def totp(visit: AccountVisit) -> Response:
    """A new TOTP secret to show as text and QR code."""
    authenticators, browser = visit.wiring.authenticators, visit.visit.browser()
    new = await begin_password(authenticators, browser, visit.session.id, visit.now)
    return json(
        {
            "ticket": new.ticket,
            "secret": new.enrolment.secret,
            "qr_path": new.enrolment.qr_path,
            "qr_size": new.enrolment.qr_size,
        }
    )


@_for_scripts
async def password(visit: AccountVisit) -> Response:
    """Password and first code."""
    asked = await visit.visit.json(_NewPassword)
    effect = await set_own_password(
        visit.wiring.authenticators,
        visit.visit.browser(),
        visit.session.id,
        ticket=asked.ticket,
        password=asked.password,
        code=asked.code,
        now=visit.now,
    )
    return _location(visit.done(HERE, "password-set", effect))


@_for_forms
async def remove_password(visit: AccountVisit) -> Response:
    """Forget password, TOTP and recovery codes."""
    effect = await remove_own_password(visit.wiring.control, visit.session.id, visit.now)
    return _after_removal(visit, "password-removed", effect)


@_for_forms
async def recovery_codes(visit: AccountVisit) -> Response:
    """Ten new codes, on the answer's own page and never again."""
    session: SessionId = visit.session.id
    codes = await make_recovery_codes(visit.wiring.control, session, visit.now)
    return await _listing(visit, codes=codes)


def _after_removal(visit: AccountVisit, said: str, effect: Effect) -> Response:
    if signed_in(visit.wiring, visit.visit) is not None:
        return visit.done(HERE, said, effect)
    response = redirect(Continuation(path=HERE).sign_in())
    drop_cookie(response, SESSION_COOKIE)
    return response


def _location(response: Response) -> Response:
    """The redirect of a form, as a script follows it."""
    return json({"location": response.headers["location"]})
