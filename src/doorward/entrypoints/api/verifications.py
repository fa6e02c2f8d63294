"""Verified identities, and who may verify them."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from doorward.administrator.proofing.revoke_verification import (
    revoke_verification as revoke,
)
from doorward.administrator.proofing.revoke_verification import verification_named
from doorward.administrator.proofing.verifiers import train_verifier as train
from doorward.entrypoints.api import identity_reads
from doorward.entrypoints.api.bodies import Body, Reason
from doorward.entrypoints.api.context import Caller, Ports
from doorward.entrypoints.api.identity_views import (
    VerificationDetail,
    VerificationView,
    VerifierView,
)
from doorward.entrypoints.api.views import EffectView
from doorward.model.ids import UserId

router = APIRouter(tags=["identity"])


class RevocationBody(Body):
    """Why."""

    reason: Annotated[Reason, Field(min_length=1)]


class TrainingBody(Body):
    """Until when the training is good: 0:00 UTC of that day."""

    until: date


@router.get("/verifications")
async def list_verifications(
    ports: Ports, _: Caller, user: str | None = None
) -> list[VerificationView]:
    """Those in force, the first to run out first; with `user` all of that person."""
    snapshot = ports.control.live.current
    async with ports.control.store.transaction() as transaction:
        table = transaction.identity.verifications
        if user is None:
            return identity_reads.live_views(await table.live(), snapshot)
        found = await table.of(UserId(user))
    return [identity_reads.verification_view(stored, snapshot) for stored in found]


@router.get("/verifications/{verification}")
async def show_verification(ports: Ports, _: Caller, verification: str) -> VerificationDetail:
    """One verification with its record."""
    async with ports.control.store.transaction() as transaction:
        stored = await verification_named(transaction, verification)
    return identity_reads.verification_detail(stored, ports.control.live.current)


@router.post("/verifications/{verification}/revoke")
async def revoke_verification(
    ports: Ports, caller: Caller, verification: str, body: RevocationBody
) -> EffectView:
    """End a verification at once: its person is unproofed again."""
    act = caller.act(ports.clock())
    done = await revoke(ports.proofing, act, verification, body.reason)
    return EffectView.model_validate(done)


@router.get("/verifiers")
async def list_verifiers(ports: Ports, _: Caller) -> list[VerifierView]:
    """Everyone with a record of training."""
    async with ports.control.store.transaction() as transaction:
        trainings = await transaction.identity.trainings.all()
    return identity_reads.verifier_views(
        trainings, ports.control.live.current, ports.proofing.verifier_role, ports.clock()
    )


@router.put("/verifiers/{user}")
async def train_verifier(
    ports: Ports, caller: Caller, user: str, body: TrainingBody
) -> VerifierView:
    """Record that somebody was trained to verify others."""
    act = caller.act(ports.clock())
    until = datetime.combine(body.until, time(), UTC).timestamp()
    training = await train(ports.proofing, act, UserId(user), until=until)
    (view,) = identity_reads.verifier_views(
        [training], ports.control.live.current, ports.proofing.verifier_role, ports.clock()
    )
    return view
