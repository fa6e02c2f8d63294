"""Who comes back from a provider is who the provider means, and nobody more."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from doorward.administrator.authentication import Proof, digest
from doorward.administrator.control_plane import Act
from doorward.administrator.federation.back_channel_logout import log_out
from doorward.administrator.federation.flow import Wish
from doorward.administrator.federation.id_token import CLOCK_LEEWAY_SECONDS
from doorward.administrator.federation.unlink import unlink
from doorward.administrator.open_session import open_session
from doorward.administrator.strengthen_session import strengthen_session
from doorward.errors import DoorwardError
from doorward.model.estate import AssuranceRow, ProviderGroup
from doorward.model.identity import Standing
from doorward.model.ids import GroupId, SessionId
from doorward.model.snapshot import change
from tests.fakes.sign_in import ALICE, BOB, HERE
from tests.fakes.store import KeptMail
from tests.unit.federation_world import OTHER, WORK, World, world

BY_EMAIL: dict[str, Any] = {"match": "email", "domains": ("example.test",)}
GROUPS: dict[str, Any] = {
    "groups_claim": "groups",
    "groups": (
        ProviderGroup(value="Finance", group=GroupId("finance")),
        ProviderGroup(value="Everyone", group=GroupId("staff")),
    ),
}


@pytest.fixture
async def place() -> World:
    return await world()


def groups_of(place: World, user: str) -> tuple[str, ...]:
    standing = place.snapshot.standings.get(user)
    return () if standing is None else standing.groups


async def test_a_linked_person_is_signed_in_as_the_provider_says(place: World) -> None:
    await place.declare(acr=(AssuranceRow(value="phr", aal=2, phishing_resistant=True),))
    await place.link("alice")
    place.work.claims |= {"acr": "phr", "auth_time": int(place.desk.now) - 7200}
    completed = await place.sign_in()
    proof = completed.proof
    assert (proof.user, proof.methods) == ("alice", ("federated",))
    assert (proof.aal, proof.multi_factor, proof.phishing_resistant) == (2, True, True)
    act = Act("user:alice", place.desk.now)
    cookie = await open_session(
        place.desk.control, act, proof=proof, browser=HERE, lifetime_seconds=3600
    )
    session = place.snapshot.sessions[cookie.session]
    assert session.authenticated_at == int(place.desk.now) - 7200
    assert session.started_at == place.desk.now
    assert session.provider == "work"
    assert session.provider_subject == digest("s-alice")
    assert session.provider_session == digest("sid-1")


async def test_an_unlinked_subject_is_refused_in_plain_words(place: World) -> None:
    with pytest.raises(DoorwardError, match="identity-unlinked") as refused:
        await place.sign_in()
    assert "Work" in refused.value.detail
    assert "link" in refused.value.remedy
    assert await place.rejected() == ["subject-unlinked"]
    assert not place.snapshot.sessions


async def test_a_provider_that_does_not_say_when_counts_as_long_ago(place: World) -> None:
    await place.link("alice")
    place.work.lies = {"auth_time": None}
    assert (await place.sign_in()).proof.authenticated_at == 0.0


async def test_no_moment_of_a_provider_lies_ahead_of_ours(place: World) -> None:
    await place.link("alice")
    place.work.claims |= {"auth_time": int(place.desk.now) + 30}
    assert (await place.sign_in()).proof.moment(place.desk.now) == place.desk.now


async def test_a_disabled_person_is_refused(place: World) -> None:
    await place.link("alice")
    await place.desk.disable(ALICE)
    with pytest.raises(DoorwardError, match="user-disabled"):
        await place.sign_in()
    assert await place.rejected() == ["user-disabled"]


async def test_nobody_is_made(place: World) -> None:
    await place.declare(**BY_EMAIL)
    place.work.claims |= {"email": "new@example.test", "email_verified": True}
    before = set(place.snapshot.users)
    with pytest.raises(DoorwardError, match="identity-unlinked"):
        await place.sign_in()
    assert set(place.snapshot.users) == before


async def test_a_verified_address_links_at_the_first_sign_in(place: World) -> None:
    await place.declare(**BY_EMAIL)
    place.work.claims |= {"email": "Alice@Example.Test", "email_verified": True}
    completed = await place.sign_in()
    assert (completed.proof.user, completed.linked) == ("alice", True)
    assert await place.links("alice") == [("work", "s-alice")]
    mailer = place.desk.control.mailer
    assert isinstance(mailer, KeptMail)
    assert [mail.to for mail in mailer.sent] == ["alice@example.test"]
    # From now on the subject counts, whatever becomes of the address.
    place.work.claims |= {"email": "bob@example.test"}
    completed = await place.sign_in()
    assert (completed.proof.user, completed.linked) == ("alice", False)
    assert len(mailer.sent) == 1


async def test_an_address_may_stand_in_user_info(place: World) -> None:
    await place.declare(**BY_EMAIL)
    place.work.user_info = {"email": "alice@example.test", "email_verified": True}
    assert (await place.sign_in()).proof.user == "alice"


@pytest.mark.parametrize(
    "told",
    [
        {"email": "alice@example.test"},
        {"email": "alice@example.test", "email_verified": False},
        {"email": "alice@example.test", "email_verified": "true"},
        {"email": "alice@example.test", "email_verified": 1},
        {"email": "alice@example.test", "email_verified": None},
        {"email": "alice@other.test", "email_verified": True},
        {"email": "alice@example.test.evil.test", "email_verified": True},
        {"email": "evil@evil.test,alice@example.test", "email_verified": True},
        {"email": "alice@example.test\n", "email_verified": True},
        {"email": " alice@example.test", "email_verified": True},
        {"email": "alice@evil.test@example.test", "email_verified": True},
        {"email": "<alice@example.test>", "email_verified": True},
        {"email": ["alice@example.test"], "email_verified": True},
        {"email": "@example.test", "email_verified": True},
        # A long s, a full-width a, a Cyrillic a: each folds to, or looks like, the address.
        {"email": "alice@example.te\u017ft", "email_verified": True},
        {"email": "\uff41lice@example.test", "email_verified": True},
        {"email": "\u0430lice@example.test", "email_verified": True},
        {"email_verified": True},
    ],
    ids=str,
)
async def test_no_other_address_is_that_person(place: World, told: dict[str, object]) -> None:
    await place.declare(**BY_EMAIL)
    place.work.claims |= told
    place.work.user_info = {"email_verified": True} if "email" in told else {}
    with pytest.raises(DoorwardError, match="identity-unlinked"):
        await place.sign_in()
    assert await place.links("alice") == []
    assert (await place.rejected())[0].startswith("address-")


async def test_an_address_that_folds_to_a_person_is_not_theirs(place: World) -> None:
    kim = msgspec.structs.replace(place.snapshot.users["carol"], email="kim@example.test")
    async with place.desk.store.transaction() as transaction:
        await transaction.snapshot.publish([change("user", kim)])
    await place.declare(**BY_EMAIL)
    place.work.claims |= {"email": "\u212aim@example.test", "email_verified": True}
    assert place.work.claims["email"].casefold() == kim.email
    with pytest.raises(DoorwardError, match="identity-unlinked"):
        await place.sign_in()


async def test_a_person_whose_address_folds_to_another_is_not_meant(place: World) -> None:
    kim = msgspec.structs.replace(place.snapshot.users["carol"], email="\u212aim@example.test")
    async with place.desk.store.transaction() as transaction:
        await transaction.snapshot.publish([change("user", kim)])
    await place.declare(**BY_EMAIL)
    place.work.claims |= {"email": "kim@example.test", "email_verified": True}
    with pytest.raises(DoorwardError, match="identity-unlinked"):
        await place.sign_in()


async def test_a_provider_speaks_for_people_of_its_domains_only(place: World) -> None:
    await place.declare(match="email", domains=("work.example", "test"))
    place.work.claims |= {"email": "alice@example.test", "email_verified": True}
    with pytest.raises(DoorwardError, match="identity-unlinked"):
        await place.sign_in()
    assert await place.rejected() == ["address-of-another-domain"]


async def test_another_subject_with_the_same_address_is_refused(place: World) -> None:
    await place.declare(**BY_EMAIL)
    place.work.claims |= {"email": "alice@example.test", "email_verified": True}
    await place.sign_in()
    place.work.claims |= {"sub": "s-somebody-else"}
    with pytest.raises(DoorwardError, match="identity-conflict"):
        await place.sign_in()
    assert await place.links("alice") == [("work", "s-alice")]
    assert await place.rejected() == ["person-has-another-subject"]


async def test_a_subject_is_compared_letter_by_letter(place: World) -> None:
    await place.link("alice", "s-Alice")
    with pytest.raises(DoorwardError, match="identity-unlinked"):
        await place.sign_in()


async def test_a_subject_of_another_provider_is_nobody(place: World) -> None:
    await place.link("alice", provider="other")
    with pytest.raises(DoorwardError, match="identity-unlinked"):
        await place.sign_in("work")
    assert (await place.sign_in("other")).proof.user == "alice"


async def test_a_person_who_is_signed_in_links(place: World) -> None:
    session = await place.session("bob")
    completed = await place.sign_in(wish=Wish(intent="link", session=session.id))
    assert completed.linked
    assert await place.links("bob") == [("work", "s-alice")]
    assert (await place.sign_in()).proof.user == "bob"
    assert [entry["provider"] for entry in await place.desk.audited("identity-linked")] == ["work"]


async def test_a_link_of_somebody_else_is_not_taken_over(place: World) -> None:
    await place.link("alice")
    session = await place.session("bob")
    with pytest.raises(DoorwardError, match="identity-conflict"):
        await place.sign_in(wish=Wish(intent="link", session=session.id))
    assert await place.links("bob") == []
    assert await place.links("alice") == [("work", "s-alice")]


async def test_a_session_that_ended_links_nothing(place: World) -> None:
    session = await place.session("bob")
    place.desk.now += 3600
    for gone in (session.id, SessionId("ses_none")):
        with pytest.raises(DoorwardError, match="federation-refused"):
            await place.sign_in(wish=Wish(intent="link", session=gone))
    assert await place.links("bob") == []


async def test_an_invitation_is_accepted_once_by_a_federated_sign_in(place: World) -> None:
    secret = await place.desk.invite(BOB)
    wish = Wish(intent="invitation", user=BOB, invitation=digest(secret))
    assert (await place.sign_in(wish=wish)).proof.user == "bob"
    assert await place.links("bob") == [("work", "s-alice")]
    assert [e["method"] for e in await place.desk.audited("invitation-accepted")] == ["federated"]
    place.work.claims |= {"sub": "s-thief"}
    await unlink(place.desk.control, Act("operator", place.desk.now), BOB, WORK)
    with pytest.raises(DoorwardError, match="invitation-invalid"):
        await place.sign_in(wish=wish)
    assert await place.links("bob") == []


async def test_a_step_up_is_of_the_same_person_fresh_and_strong_enough(place: World) -> None:
    row = AssuranceRow(value="phr", aal=2, phishing_resistant=True)
    await place.declare(acr=(row, AssuranceRow(value="pwd", aal=1)))
    await place.link("alice")
    session = await place.session("alice")
    wish = Wish(intent="step-up", session=session.id, need="phishing-resistant")
    location = await place.begin(wish=wish)
    asked = parse_qs(urlsplit(location).query)
    assert (asked["prompt"], asked["max_age"], asked["acr_values"]) == (["login"], ["0"], ["phr"])
    place.work.claims |= {"acr": "pwd"}
    with pytest.raises(DoorwardError, match="federation-refused"):
        await place.complete(place.work.authorize(location))
    place.work.claims |= {"acr": "phr", "auth_time": int(place.desk.now) - 3600}
    with pytest.raises(DoorwardError, match="federation-refused"):
        await place.sign_in(wish=wish)
    del place.work.claims["auth_time"]
    place.work.lies = {"auth_time": None}
    with pytest.raises(DoorwardError, match="federation-refused"):
        await place.sign_in(wish=wish)
    place.work.lies = {}
    assert (await place.sign_in(wish=wish)).proof.phishing_resistant
    place.work.claims |= {"sub": "s-bob"}
    await place.link("bob", "s-bob")
    with pytest.raises(DoorwardError, match="identity-conflict"):
        await place.sign_in(wish=wish)
    assert await place.rejected() == [
        "assurance-too-low",
        "authentication-not-fresh",
        "authentication-not-fresh",
        "subject-of-another-person",
    ]


async def test_a_new_authentication_is_no_older_than_what_asked_for_it(place: World) -> None:
    """By the clock of a provider that is a little behind: else it would be asked for again."""
    await place.link("alice")
    session = await place.session("alice")
    place.work.skew = -CLOCK_LEEWAY_SECONDS + 1
    proof = (await place.sign_in(wish=Wish(intent="step-up", session=session.id))).proof
    assert proof.authenticated_at == place.desk.now


async def test_a_step_up_links_nothing(place: World) -> None:
    session = await place.session("alice")
    with pytest.raises(DoorwardError, match="identity-unlinked"):
        await place.sign_in(wish=Wish(intent="step-up", session=session.id))
    assert await place.links("alice") == []


async def test_a_provider_can_be_held_to_fresh_sign_ins(place: World) -> None:
    await place.declare(require_fresh=True)
    await place.link("alice")
    place.work.claims |= {"auth_time": int(place.desk.now) - 600}
    with pytest.raises(DoorwardError, match="federation-refused"):
        await place.sign_in()


async def test_a_session_goes_on_to_end_with_the_providers(place: World) -> None:
    await place.link("alice")
    federated = (await place.sign_in()).proof
    act = Act("user:alice", place.desk.now)
    control = place.desk.control
    cookie = await open_session(control, act, proof=federated, browser=HERE, lifetime_seconds=3600)
    passkey = Proof(ALICE, ("passkey",), phishing_resistant=True, multi_factor=True, aal=2)
    await strengthen_session(control, act, session=cookie.session, proof=passkey, browser=HERE)
    session = place.snapshot.sessions[cookie.session]
    assert session.methods == ("passkey",)
    assert session.provider_session == digest("sid-1")


async def test_a_session_ends_with_that_of_the_provider_that_vouched_last(place: World) -> None:
    for provider in ("work", "other"):
        await place.link("alice", provider=provider)
    session = await place.desk.session((await place.sign_in()).proof)
    proof = (await place.sign_in("other", Wish(intent="step-up", session=session))).proof
    act = Act("user:alice", place.desk.now)
    await strengthen_session(place.desk.control, act, session=session, proof=proof, browser=HERE)
    for provider, party in (("work", place.work), ("other", place.other)):
        assert session in place.snapshot.sessions
        await log_out(
            place.desk.federation,
            provider,
            party.logout_token(),
            address="192.0.2.9",
            now=place.desk.now,
        )
    assert session not in place.snapshot.sessions


async def test_groups_are_those_of_the_latest_sign_in(place: World) -> None:
    await place.declare(**GROUPS)
    await place.link("alice")
    place.work.claims |= {"groups": ["Finance", "Everyone", "Domain Admins", "finance"]}
    await place.sign_in()
    assert groups_of(place, "alice") == ("finance", "staff")
    place.work.claims |= {"groups": ["Everyone"]}
    await place.sign_in()
    assert groups_of(place, "alice") == ("staff",)
    assert [entry["groups"] for entry in await place.desk.audited("groups-asserted")] == [
        "finance staff",
        "staff",
    ]


@pytest.mark.parametrize(
    "claim", [None, "Finance", {"Finance": True}, 7, ["Finance", 3], [["Finance"]], True], ids=str
)
async def test_a_claim_of_another_shape_gives_no_group(place: World, claim: object) -> None:
    await place.declare(**GROUPS)
    await place.link("alice")
    place.work.claims |= {"groups": ["Finance"]}
    await place.sign_in()
    place.work.claims |= {"groups": claim}
    if claim is None:
        place.work.lies = {"groups": None}
    await place.sign_in()
    assert groups_of(place, "alice") == ()


async def test_a_provider_speaks_for_its_own_groups_only(place: World) -> None:
    await place.declare(**GROUPS)
    row = ProviderGroup(value="x", group=GroupId("staff"))
    await place.declare("other", groups_claim="groups", groups=(row,))
    await place.link("alice")
    await place.link("alice", "s-alice", "other")
    place.work.claims |= {"groups": ["Finance"]}
    place.other.claims |= {"groups": ["x", "Finance"]}
    await place.sign_in("work")
    await place.sign_in("other")
    assert groups_of(place, "alice") == ("finance", "staff")


async def test_groups_are_kept_beside_what_else_is_known(place: World) -> None:
    await place.declare(**GROUPS)
    await place.link("alice")
    async with place.desk.store.transaction() as transaction:
        await transaction.snapshot.publish([change("standing", Standing(id=ALICE, risk=30, ial=2))])
    place.work.claims |= {"groups": ["Finance"]}
    await place.sign_in()
    standing = place.snapshot.standings["alice"]
    assert (standing.risk, standing.ial, standing.groups) == (30, 2, ("finance",))


async def test_unlinking_ends_what_rests_on_the_link(place: World) -> None:
    await place.declare(**GROUPS)
    await place.link("alice")
    await place.link("alice", "s-alice", "other")
    place.work.claims |= {"groups": ["Finance"]}
    await place.sign_in()
    await place.session("alice", "ses_work", provider="work")
    await place.session("alice", "ses_other", provider="other")
    await place.session("bob", "ses_bob", provider="work")
    await unlink(place.desk.control, Act("operator", place.desk.now), ALICE, WORK)
    assert await place.links("alice") == [("other", "s-alice")]
    assert groups_of(place, "alice") == ()
    assert set(place.snapshot.sessions) == {"ses_other", "ses_bob"}
    with pytest.raises(DoorwardError, match="identity-unknown"):
        await unlink(place.desk.control, Act("operator", place.desk.now), ALICE, WORK)
    assert OTHER in {link[0] for link in await place.links("alice")}
