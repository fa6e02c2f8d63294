"""Sessions: who is signed in, and ending it."""

from __future__ import annotations

from fastapi import APIRouter

from doorward.administrator.revoke_session import revoke_session
from doorward.administrator.set_session_risk import set_session_risk
from doorward.entrypoints.api import reads
from doorward.entrypoints.api.acts import RiskSignal, effect_view
from doorward.entrypoints.api.context import Caller, Ports
from doorward.entrypoints.api.views import EffectView, SessionView
from doorward.model.ids import SessionId

router = APIRouter(prefix="/sessions", tags=["sessions"])


@router.get("")
async def list_sessions(ports: Ports, _: Caller, user: str | None = None) -> list[SessionView]:
    """Sessions that have not expired, newest first."""
    return reads.sessions(ports.control.live.current, ports.clock(), user)


@router.delete("/{session}")
async def end_session(ports: Ports, caller: Caller, session: str) -> EffectView:
    """End a session at every resource, with its open streams."""
    act = caller.act(ports.clock())
    return effect_view(await revoke_session(ports.control, act, SessionId(session)))


@router.put("/{session}/risk")
async def signal_risk(ports: Ports, caller: Caller, session: str, signal: RiskSignal) -> EffectView:
    """Record how risky a session is."""
    return effect_view(
        await set_session_risk(
            ports.control,
            caller.act(ports.clock()),
            SessionId(session),
            signal.risk,
            signal.reason,
        )
    )
