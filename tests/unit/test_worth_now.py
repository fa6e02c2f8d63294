"""A provider's word is worth what the estate makes of it when a session begins by it."""

from __future__ import annotations

from itertools import product

import pytest

from doorward.administrator.apply_estate import apply_estate
from doorward.administrator.authentication import Proof
from doorward.administrator.control_plane import Act
from doorward.administrator.federation.flow import Wish
from doorward.administrator.federation.refusals import FederationRejectedError
from doorward.administrator.open_session import open_session
from doorward.administrator.strengthen_session import strengthen_session
from doorward.estate import Estate
from doorward.model.estate import AssuranceRow, IdentityProvider
from doorward.model.identity import Session
from doorward.model.ids import SessionId
from doorward.model.snapshot import ESTATE_KINDS, FIELDS
from tests.fakes.account import sign_ins
from tests.fakes.provider import declared
from tests.fakes.sign_in import HERE
from tests.unit.federation_world import World, world

ROWS = {
    "hardware": (AssuranceRow(value="hwk", aal=3, phishing_resistant=True),),
    "two factors": (AssuranceRow(value="hwk", aal=2),),
    "a phishing-resistant factor": (AssuranceRow(value="hwk", aal=1, phishing_resistant=True),),
    "one factor": (AssuranceRow(value="hwk", aal=1),),
    "nothing": (),
}
WORTH = {
    "hardware": (3, True, True),
    "two factors": (2, True, False),
    "a phishing-resistant factor": (1, False, True),
    "one factor": (1, False, False),
    "nothing": (1, False, False),
}


PAIRS = list(product(ROWS, ROWS))


@pytest.fixture
async def place() -> World:
    place = await world()
    await place.link("alice")
    place.work.claims |= {"amr": ["hwk"]}
    return place


async def apply(place: World, work: IdentityProvider) -> None:
    """The estate as it is, with another `work`."""
    documents = {kind: dict(getattr(place.snapshot, FIELDS[kind])) for kind in ESTATE_KINDS}
    documents["provider"]["work"] = work
    await apply_estate(place.desk.control, act(place), Estate(documents), may_shut_out=True)


def act(place: World) -> Act:
    return Act("operator", place.desk.now)


async def begun(place: World, proof: Proof) -> SessionId:
    cookie = await open_session(
        place.desk.control, act(place), proof=proof, browser=HERE, lifetime_seconds=3600
    )
    await place.desk.control.live.reached(cookie.effect.number)
    return cookie.session


def strength(session: Session) -> tuple[int, bool, bool]:
    return session.aal, session.multi_factor, session.phishing_resistant


@pytest.mark.parametrize(("before", "after"), PAIRS)
async def test_a_sign_in_under_way_is_worth_what_the_estate_says_by_then(
    place: World, before: str, after: str
) -> None:
    await place.declare(amr=ROWS[before])
    proof = (await place.sign_in()).proof
    assert (proof.aal, proof.multi_factor, proof.phishing_resistant) == WORTH[before]
    await apply(place, declared(amr=ROWS[after]))
    session = await begun(place, proof)
    assert strength(place.snapshot.sessions[session]) == WORTH[after]
    entry = (await place.desk.audited("signed-in"))[-1]
    assert entry["aal"] == str(WORTH[after][0])


@pytest.mark.parametrize(("before", "after"), PAIRS)
async def test_whichever_comes_first_no_session_is_stronger_than_the_estate(
    place: World, before: str, after: str
) -> None:
    await place.declare(amr=ROWS[before])
    early = await begun(place, (await place.sign_in()).proof)
    await apply(place, declared(amr=ROWS[after]))
    aal, multi_factor, resistant = strength(place.snapshot.sessions[early])
    most = WORTH[after]
    assert aal <= most[0]
    assert multi_factor <= most[1]
    assert resistant <= most[2]


@pytest.mark.parametrize("after", [rows for rows in ROWS if rows != "hardware"])
async def test_a_step_up_whose_word_lost_worth_strengthens_nothing(
    place: World, after: str
) -> None:
    await place.declare(amr=ROWS["hardware"])
    own = await place.session("alice", "ses_own", credential="passkey:1", aal=2)
    wish = Wish(intent="step-up", session=own.id, need="hardware-key")
    proof = (await place.sign_in(wish=wish)).proof
    await apply(place, declared(amr=ROWS[after]))
    before = place.snapshot
    with pytest.raises(FederationRejectedError) as refused:
        await strengthen_session(
            place.desk.control, act(place), session=own.id, proof=proof, browser=HERE
        )
    assert refused.value.why == "assurance-lowered-meanwhile"
    assert place.snapshot == before


async def test_a_step_up_whose_word_gained_worth_counts_for_it(place: World) -> None:
    await place.declare(amr=ROWS["two factors"])
    own = await place.session("alice", "ses_own", credential="passkey:1", aal=2)
    wish = Wish(intent="step-up", session=own.id, need="multi-factor")
    proof = (await place.sign_in(wish=wish)).proof
    await apply(place, declared(amr=ROWS["hardware"]))
    cookie = await strengthen_session(
        place.desk.control, act(place), session=own.id, proof=proof, browser=HERE
    )
    await place.desk.control.live.reached(cookie.effect.number)
    assert strength(place.snapshot.sessions[own.id]) == WORTH["hardware"]
    assert (await place.desk.audited("stepped-up"))[-1]["aal"] == "3"
    assert [entry.aal for entry in await sign_ins(place.desk)] == [3], "as the session has it"


async def test_the_word_of_a_former_issuer_is_worth_nothing_though_a_link_is_there(
    place: World,
) -> None:
    """The same subject was linked anew, under the issuer that the provider has by now."""
    proof = (await place.sign_in()).proof
    await apply(place, declared(issuer="https://login.new.example"))
    await place.link("alice")
    with pytest.raises(FederationRejectedError) as refused:
        await begun(place, proof)
    assert refused.value.why == "provider-declared-otherwise-meanwhile"
    assert place.snapshot.sessions == {}
