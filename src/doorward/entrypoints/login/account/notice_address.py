"""`/account/notices`: where a person is told what happens to their account."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps

from starlette.responses import Response

from doorward.administrator.credentials.assurance import (
    FRESH_SECONDS,
    StepUpNeededError,
    is_strong,
    strongest,
)
from doorward.administrator.credentials.further_address import (
    ask_address,
    awaited_address,
    confirm_address,
    remove_own_address,
)
from doorward.administrator.credentials.held import held_by
from doorward.administrator.credentials.notice_addresses import LONGEST_ADDRESS
from doorward.entrypoints.login.account.visit import AccountVisit, Handler
from doorward.entrypoints.login.answers import error_status
from doorward.errors import DoorwardError

HERE = "/account/notices"
_ON_THE_PAGE = frozenset(
    {
        "contact-code-wrong",
        "contact-too-often",
        "mail-unsent",
        "notice-address-invalid",
        "notice-address-known",
        "notice-address-unknown",
    }
)
"""What the page itself says, so that the person can go on."""

Act = Callable[[AccountVisit, dict[str, str]], Awaitable[str]]
"""Does what a form with these fields asks for, and answers what is said of it on the page."""


def _form(act: Act) -> Handler:
    """Where the session is too weak it is confirmed first; what can be put right is said here."""

    @wraps(act)
    async def guarded(visit: AccountVisit) -> Response:
        fields = await visit.visit.form()
        try:
            return visit.done(HERE, await act(visit, fields))
        except StepUpNeededError as error:
            return visit.confirm(HERE, error.need)
        except DoorwardError as error:
            if error.code not in _ON_THE_PAGE:
                raise
            return await _page(visit, error, fields.get("address", ""))

    return guarded


async def show(visit: AccountVisit) -> Response:
    """The estate's address, the further one, and a code that is on its way."""
    return await _page(visit)


@_form
async def send(visit: AccountVisit, fields: dict[str, str]) -> str:
    """Send a code to the address that was typed."""
    await ask_address(
        visit.wiring.authenticators,
        visit.visit.browser(),
        visit.session.id,
        fields.get("address", ""),
        visit.now,
    )
    return "notice-code-sent"


@_form
async def confirm(visit: AccountVisit, fields: dict[str, str]) -> str:
    """The code, typed back."""
    await confirm_address(
        visit.wiring.authenticators,
        visit.visit.browser(),
        visit.session.id,
        fields.get("code", ""),
        visit.now,
    )
    return "notice-address-set"


@_form
async def remove(visit: AccountVisit, _: dict[str, str]) -> str:
    """Forget the further address."""
    await remove_own_address(visit.wiring.control, visit.session.id, visit.now)
    return "notice-address-removed"


async def _page(
    visit: AccountVisit, error: DoorwardError | None = None, typed: str = ""
) -> Response:
    user = visit.user
    async with visit.wiring.control.store.transaction() as transaction:
        held = await held_by(transaction, user.id)
        further = await transaction.identity.notice_addresses.of(user.id)
        awaited = await awaited_address(transaction, user.id, visit.now)
    wanted = strongest(held, visit.snapshot.authenticators)
    return visit.page(
        "account/notices.html",
        status=200 if error is None else error_status(error),
        error=error,
        typed=typed,
        further=further,
        awaited=awaited,
        strong=is_strong(visit.session, wanted, visit.now),
        step_up=visit.confirm(HERE, wanted.need).headers["location"],
        fresh_minutes=FRESH_SECONDS // 60,
        longest=LONGEST_ADDRESS,
    )
