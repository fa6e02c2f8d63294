"""A person's sign-ins and failed attempts, with causes that the person's own page does not tell."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query

from doorward.administrator.sign_ins.ports import SignInOutcome
from doorward.entrypoints.api.context import Caller, Ports
from doorward.entrypoints.api.views import View
from doorward.model.ids import UserId

router = APIRouter(prefix="/users/{user}/sign-ins", tags=["users"])
_MAX_PAGE = 1000


class SignInView(View):
    """One of them; `why` is the cause of a failure, `disowned_at` when its person disowned it."""

    seq: int
    at: datetime
    outcome: SignInOutcome
    methods: tuple[str, ...]
    aal: int
    provider: str
    session: str
    address: str
    user_agent: str
    why: str
    disowned_at: datetime | None


class SignInPage(View):
    """Newest first; `before` asks for the next older page, None at the end."""

    sign_ins: tuple[SignInView, ...]
    before: int | None


@router.get("")
async def list_sign_ins(
    ports: Ports,
    _: Caller,
    user: str,
    before: int | None = None,
    limit: Annotated[int, Query(ge=1, le=_MAX_PAGE)] = 100,
) -> SignInPage:
    """Who signed in as a person, or tried to, newest first."""
    async with ports.control.store.transaction() as transaction:
        found = await transaction.sign_ins.of(UserId(user), before=before, limit=limit)
    older = found[-1].seq if len(found) == limit else None
    return SignInPage(sign_ins=tuple(map(SignInView.model_validate, found)), before=older)
