"""Recoveries: people who cannot sign in, and the second person who vouches for them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from doorward.administrator.recovery import decide_recovery
from doorward.entrypoints.api import reads
from doorward.entrypoints.api.bodies import Body, ReasonBody
from doorward.entrypoints.api.context import Caller, Ports
from doorward.entrypoints.api.views import DecidedRecoveryView, RecoveryView
from doorward.model.ids import SessionId

router = APIRouter(prefix="/recoveries", tags=["recoveries"])


class ApprovalBody(Body):
    """The code that the person read out; whether what they had until now stays."""

    code: Annotated[str, Field(max_length=32)]
    keep: bool = False


class CodeBody(Body):
    """The code that the person read out."""

    code: Annotated[str, Field(max_length=32)]


@router.get("")
async def list_recoveries(ports: Ports, _: Caller) -> list[RecoveryView]:
    """Requests that nobody has decided, oldest first; of each person the newest three."""
    waiting = await decide_recovery.waiting_recoveries(ports.control, ports.clock())
    return reads.recoveries(ports.control.live.current, waiting)


@router.post("/find")
async def find_recovery(ports: Ports, caller: Caller, body: CodeBody) -> list[RecoveryView]:
    """The request whose browser shows this code, however many others wait. Decides nothing."""
    act = caller.act(ports.clock())
    found = await decide_recovery.find_recovery(ports.control, act, ports.fleet.codes, body.code)
    return reads.recoveries(ports.control.live.current, found)


@router.post("/{recovery}/approve")
async def approve_recovery(
    ports: Ports, caller: Caller, recovery: str, body: ApprovalBody
) -> DecidedRecoveryView:
    """Let the browser that asked register a new way to sign in."""
    user = await decide_recovery.approve_recovery(
        ports.control,
        caller.act(ports.clock()),
        SessionId(caller.session),
        ports.sealer,
        recovery,
        code=body.code,
        keep=body.keep,
    )
    return DecidedRecoveryView(user=user, approved=True)


@router.post("/{recovery}/reject")
async def reject_recovery(
    ports: Ports, caller: Caller, recovery: str, body: ReasonBody
) -> DecidedRecoveryView:
    """End a request. The browser that asked is not told."""
    act = caller.act(ports.clock())
    user = await decide_recovery.refuse_recovery(ports.control, act, recovery, body.reason)
    return DecidedRecoveryView(user=user, approved=False)
