"""A person's recent sign-ins, and saying of one that it was not them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from starlette.responses import Response

from doorward.administrator.disown_sign_in import disown_sign_in
from doorward.administrator.sign_ins.ports import SignIn
from doorward.engine import PreparedSnapshot
from doorward.entrypoints.login.account.refusals import not_yours
from doorward.entrypoints.login.account.visit import AccountVisit
from doorward.entrypoints.login.account.words import by, place
from doorward.entrypoints.login.sign_out import signed_out
from doorward.entrypoints.pages.user_agents import browser_words
from doorward.errors import DoorwardError
from doorward.model.ids import UnixSeconds

HERE = "/account/sign-ins"
_A_PAGE = 20
_NUMBER = re.compile(r"[1-9][0-9]{0,17}")


@dataclass(frozen=True, slots=True)
class SignInWords:
    """An entry as its person reads it. What was wrong with a failure is not told.

    Whoever sits in a stolen session would learn from it that they had guessed the password.
    """

    seq: int
    title: str
    failed: bool
    ended: bool
    current: bool
    live: bool
    disowned_at: UnixSeconds | None
    at: UnixSeconds
    browser: str
    place: str
    by: str


async def show(visit: AccountVisit) -> Response:
    """A page of them, the newest first."""
    before = number_of(visit.visit.query("before"))
    async with visit.wiring.control.store.transaction() as transaction:
        found = await transaction.sign_ins.of(visit.user.id, before=before, limit=_A_PAGE + 1)
    shown = found[:_A_PAGE]
    prepared = await visit.wiring.applications.prepared(visit.snapshot)
    return visit.page(
        "account/sign_ins.html",
        entries=[_words(item, visit, prepared) for item in shown],
        older=shown[-1].seq if len(found) > _A_PAGE else 0,
        paged=before is not None,
    )


async def disown(visit: AccountVisit) -> Response:
    """This was not me."""
    named = (await visit.visit.form()).get("sign_in", "")
    seq = number_of(named)
    if seq is None:
        return await not_yours(visit, "sign-in", named, HERE)
    try:
        done = await disown_sign_in(
            visit.wiring.control,
            visit.act,
            visit.user,
            seq,
            current=visit.session.id,
            security_contact=visit.wiring.security_contact,
        )
    except DoorwardError as error:
        if error.code != "sign-in-unknown":
            raise
        return await not_yours(visit, "sign-in", named, HERE)
    if done.current_ended:
        return signed_out(
            "The session that you disowned was this one, so it has ended with all your others. "
            "Sign in again, and replace what was used to sign in.",
            "/sign-in?return=/account/credentials",
        )
    said = "attempt-disowned" if done.sign_in.outcome == "rejected" else "sign-in-disowned"
    return visit.done(HERE, said, done.effect)


def number_of(text: str) -> int | None:
    """A number as a link of ours writes it; None for anything else."""
    return int(text) if _NUMBER.fullmatch(text) else None


_TITLES = {
    "signed-in": "Signed in",
    "stepped-up": "Confirmed that it was you",
    "rejected": "Tried to sign in",
    "went-idle": "Signed out, because nobody used it",
}


def _words(entry: SignIn, visit: AccountVisit, prepared: PreparedSnapshot) -> SignInWords:
    return SignInWords(
        seq=entry.seq,
        title=_TITLES[entry.outcome],
        failed=entry.outcome == "rejected",
        ended=entry.outcome == "went-idle",
        current=entry.session == visit.session.id,
        live=entry.session in visit.snapshot.sessions,
        disowned_at=entry.disowned_at,
        at=entry.at,
        browser=browser_words(entry.user_agent),
        place=place(entry.address, prepared),
        by=by(entry.methods, entry.provider),
    )
