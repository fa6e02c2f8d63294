"""Sessions: who is signed in; ending one, and how risky it is."""

from __future__ import annotations

from fastapi import APIRouter

from doorward.administrator.revoke_session import revoke_session as revoke
from doorward.administrator.set_session_risk import set_session_risk as set_risk
from doorward.entrypoints.api import reads
from doorward.entrypoints.api.bodies import RiskBody
from doorward.entrypoints.api.context import Caller, Ports
from doorward.entrypoints.api.views import EffectView, SessionView
from doorward.model.ids import SessionId

router = APIRouter(prefix="/sessions", tags=["sessions"])


@router.get("")
async def list_sessions(ports: Ports, _: Caller, user: str | None = None) -> list[SessionView]:
    """Live sessions, newest sign-in first."""
    return reads.sessions(ports.control.live.current, ports.clock(), user)


@router.delete("/{session}")
async def revoke_session(ports: Ports, caller: Caller, session: str) -> EffectView:
    """End a sign-in at every resource, with its open streams."""
    done = await revoke(ports.control, caller.act(ports.clock()), SessionId(session))
    return EffectView.model_validate(done)


@router.put("/{session}/risk")
async def set_session_risk(
    ports: Ports, caller: Caller, session: str, body: RiskBody
) -> EffectView:
    """Signal how risky a sign-in is."""
    act = caller.act(ports.clock())
    done = await set_risk(ports.control, act, SessionId(session), body.risk, body.reason)
    return EffectView.model_validate(done)
