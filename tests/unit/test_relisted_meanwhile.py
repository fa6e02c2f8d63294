"""The list of authenticators changes while somebody registers a passkey."""

from __future__ import annotations

from dataclasses import replace

import pytest

from doorward.administrator.accept_invitation import accept_with_passkey, begin_registration
from doorward.administrator.apply_estate import apply_estate
from doorward.administrator.authentication import AttemptRejectedError, Authenticators
from doorward.administrator.control_plane import Act
from doorward.administrator.credentials.held import held_by
from doorward.administrator.recovery.complete_recovery import (
    begin_recovery_passkey,
    recover_with_passkey,
)
from doorward.administrator.recovery.request_recovery import recovery_of
from tests.fakes.sign_in import ALICE, HERE, Desk, desk
from tests.unit.test_recovery import approve, ask
from tests.unit.test_relisted import ANY, LIST_OTHER, Meanwhile, apply, estate


@pytest.fixture
async def office() -> Desk:
    office = await desk()
    await apply(office, ANY)
    return office


def relisted(office: Desk, before: int) -> Authenticators:
    """Just before this transaction, counted from 1, the list takes no such passkey any more."""

    async def happens() -> None:
        wanted = estate(LIST_OTHER)
        await apply_estate(office.control, Act("operator", office.now), wanted, may_shut_out=True)

    store = Meanwhile(office, before, happens)
    control = replace(office.control, store=store)  # type: ignore[arg-type]
    return replace(office.authenticators, control=control)


@pytest.mark.parametrize("before", [1, 2, 3])
async def test_an_invitation_is_not_used_up_by_a_passkey_that_signs_nobody_in(
    office: Desk, before: int
) -> None:
    secret = await office.invite(ALICE)
    options = await begin_registration(office.authenticators, HERE, secret, office.now)
    made = office.device().create(options)
    with pytest.raises(AttemptRejectedError, match="authenticator-refused"):
        await accept_with_passkey(relisted(office, before), HERE, secret, made, office.now)
    async with office.store.transaction() as transaction:
        assert (await held_by(transaction, ALICE)).passkeys == []
    assert (await office.audited("sign-in-rejected"))[-1]["why"] == "authenticator-unattested"
    assert await begin_registration(office.authenticators, HERE, secret, office.now)


@pytest.mark.parametrize("before", [1, 2, 3])
async def test_a_recovery_takes_no_way_in_away_for_one_that_is_none(
    office: Desk, before: int
) -> None:
    await office.with_password(ALICE)
    await approve(office, (await ask(office)).code)
    options = await begin_recovery_passkey(office.authenticators, HERE, office.now)
    made = office.device().create(options)
    with pytest.raises(AttemptRejectedError, match="authenticator-refused"):
        await recover_with_passkey(relisted(office, before), HERE, made, office.now)
    async with office.store.transaction() as transaction:
        held = await held_by(transaction, ALICE)
    assert (held.passkeys, held.password) == ([], True)
    assert await recovery_of(office.authenticators, HERE, office.now) is not None
