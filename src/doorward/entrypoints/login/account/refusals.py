"""A form that names what is not this person's: answered as if it were nowhere, and audited."""

from __future__ import annotations

from starlette.responses import Response

from doorward.administrator.attempts import network_of
from doorward.entrypoints.login.account.visit import AccountVisit
from doorward.model.ids import is_id


async def not_yours(visit: AccountVisit, kind: str, named: str, back: str) -> Response:
    """404, whether `named` is somebody else's or nobody's. The audit holds who named what."""
    throttle = visit.wiring.authenticators.throttle
    if await throttle.allow(f"audit-address:{network_of(visit.visit.address)}", "audit:all"):
        async with visit.wiring.control.store.transaction() as transaction:
            await transaction.audit.append(
                at=visit.now,
                actor=visit.act.actor,
                act="not-own-refused",
                target=f"{kind}:{named}" if is_id(named) else kind,
                detail={"session": visit.session.id, "address": visit.visit.address},
            )
    return visit.page("account/missing.html", status=404, kind=kind, back=back)
