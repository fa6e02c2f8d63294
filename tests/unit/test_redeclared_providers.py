"""An estate that declares a provider otherwise takes away what rested on the old one."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from doorward.administrator.apply_estate import apply_estate
from doorward.administrator.control_plane import Act
from doorward.administrator.federation.flow import Wish
from doorward.administrator.federation.id_token import IdClaims
from doorward.administrator.federation.linking import recognise
from doorward.administrator.federation.provider_secret import secret_of
from doorward.administrator.federation.unlink import unlink
from doorward.administrator.open_session import open_session
from doorward.errors import DoorwardError
from doorward.estate import Estate
from doorward.model.estate import AssuranceRow, IdentityProvider, ProviderGroup
from doorward.model.ids import GroupId, SessionId, UserId
from doorward.model.snapshot import ESTATE_KINDS, FIELDS
from tests.fakes.provider import SECRET, declared
from tests.fakes.sign_in import HERE, NOON
from tests.unit.federation_world import WORK, World, world

ACT = Act("operator", NOON)

FINANCE = (ProviderGroup(value="Finance", group=GroupId("finance")),)


@pytest.fixture
async def place() -> World:
    """Alice came by `work`, which put her into finance, and bob by `other`."""
    place = await world()
    await place.declare(groups_claim="groups", groups=FINANCE)
    await place.link("alice")
    await place.link("bob", "s-bob", "other")
    place.work.claims |= {"groups": ["Finance"]}
    await place.sign_in()
    await place.session("alice", "ses_alice", provider="work")
    await place.session("bob", "ses_bob", provider="other")
    return place


async def apply(place: World, work: IdentityProvider | None, *, without: str = "") -> None:
    """The estate as it is, with another `work`, and without somebody."""
    documents = {kind: dict(getattr(place.snapshot, FIELDS[kind])) for kind in ESTATE_KINDS}
    documents["provider"].pop("work")
    documents["user"].pop(without, None)
    if work is not None:
        documents["provider"]["work"] = work
    act = Act("operator", place.desk.now)
    await apply_estate(place.desk.control, act, Estate(documents), may_shut_out=True)


def standing(place: World) -> tuple[str, ...]:
    return place.snapshot.standings["alice"].groups


async def has_secret(place: World, provider: str = "work") -> bool:
    async with place.desk.store.transaction() as transaction:
        return await transaction.federation.secret(declared(provider).id) is not None


async def test_nothing_changes_with_a_name(place: World) -> None:
    await apply(place, declared(groups_claim="groups", groups=FINANCE, domains=("example.org",)))
    assert set(place.snapshot.sessions) == {"ses_alice", "ses_bob"}
    assert await place.links("alice") == [("work", "s-alice")]
    assert standing(place) == ("finance",)
    assert await has_secret(place)


async def test_a_provider_that_is_gone_takes_everything_with_it(place: World) -> None:
    await apply(place, None)
    assert set(place.snapshot.sessions) == {"ses_bob"}
    assert await place.links("alice") == []
    assert await place.links("bob") == [("other", "s-bob")]
    assert standing(place) == ()
    assert not await has_secret(place)
    assert await has_secret(place, "other")


async def test_another_issuer_is_another_provider(place: World) -> None:
    """The same `sub` of another issuer is somebody else, and gets no secret of the old one."""
    await apply(
        place, declared(issuer="https://login.new.example", groups_claim="groups", groups=FINANCE)
    )
    assert set(place.snapshot.sessions) == {"ses_bob"}
    assert await place.links("alice") == []
    assert not await has_secret(place)


HARDWARE = AssuranceRow(value="hwk", aal=3, phishing_resistant=True)


@pytest.mark.parametrize(
    ("amr", "kept"),
    [
        ((HARDWARE, AssuranceRow(value="sc", aal=2)), True),
        ((msgspec.structs.replace(HARDWARE, aal=2),), False),
        ((msgspec.structs.replace(HARDWARE, phishing_resistant=False),), False),
        ((HARDWARE, AssuranceRow(value="mfa", aal=1)), False),
        ((), False),
    ],
)
async def test_what_counts_for_less_makes_sessions_a_single_factor(
    place: World, amr: tuple[AssuranceRow, ...], kept: bool
) -> None:
    rows: Any = {"groups_claim": "groups", "groups": FINANCE}
    await place.declare(amr=(HARDWARE,), **rows)
    await place.session("alice", "ses_alice", provider="work", aal=3)
    await place.session("alice", "ses_passkey", provider="work", aal=3, credential="passkey:1")
    before = place.snapshot.sessions
    await apply(place, declared(amr=amr, **rows))
    after = place.snapshot.sessions
    changed = {session for session in before if after[session] != before[session]}
    assert changed == (set() if kept else {"ses_alice"})
    if not kept:
        alice = after[SessionId("ses_alice")]
        assert (alice.aal, alice.multi_factor, alice.phishing_resistant) == (1, False, False)


async def test_a_session_that_ends_is_not_lowered_instead(place: World) -> None:
    rows: Any = {"groups_claim": "groups", "groups": FINANCE}
    await place.declare(amr=(HARDWARE,), **rows)
    await place.session("alice", "ses_alice", provider="work", aal=3)
    await apply(place, declared(**rows), without="alice")
    assert set(place.snapshot.sessions) == {"ses_bob"}
    await place.session("alice", "ses_alice", provider="work", aal=3)
    await apply(place, declared(issuer="https://login.new.example", **rows))
    assert set(place.snapshot.sessions) == {"ses_bob"}


@pytest.mark.parametrize("issuer", ["https://login.new.example", None])
async def test_what_a_former_issuer_asserted_is_gone_whoever_else_speaks_for_it(
    place: World, issuer: str | None
) -> None:
    """Neither the issuer that follows nor another provider has said it of this person."""
    await place.declare("other", groups_claim="groups", groups=FINANCE)
    after = declared(issuer=issuer, groups_claim="groups", groups=FINANCE) if issuer else None
    await apply(place, after)
    assert standing(place) == ()


async def test_a_word_that_was_asked_for_before_is_nobodys_any_more(place: World) -> None:
    """The estate changes while the provider is asked for tokens."""
    before = place.snapshot.providers["work"]
    await apply(place, declared(issuer="https://login.new.example"))
    claims = IdClaims(subject="s-bob", session="", authenticated_at=None, acr="", amr=(), others={})
    wish = Wish(intent="link", session=SessionId("ses_bob"))
    with pytest.raises(DoorwardError, match="federation-refused"):
        await recognise(place.desk.federation, HERE, before, claims, wish, place.desk.now)
    assert await place.links("bob") == [("other", "s-bob")]


@pytest.mark.parametrize("faster", ["estate", "operator"])
async def test_no_session_begins_on_a_link_that_is_gone(place: World, faster: str) -> None:
    """The proof is there, and the session not yet, when the link goes."""
    proof = (await place.sign_in()).proof
    if faster == "estate":
        await apply(place, None)
    else:
        await unlink(place.desk.control, ACT, UserId("alice"), WORK)
    with pytest.raises(DoorwardError, match="federation-refused"):
        await open_session(
            place.desk.control, ACT, proof=proof, browser=HERE, lifetime_seconds=3600
        )


async def test_a_link_of_another_issuer_is_none(place: World) -> None:
    """Whatever wrote the snapshot: the link itself says under which issuer it was made."""
    place.work.issuer = "https://login.new.example"
    place.desk.federation.http.providers[place.work.issuer] = place.work  # type: ignore[attr-defined]
    await place.declare(issuer=place.work.issuer)
    async with place.desk.store.transaction() as transaction:
        await transaction.federation.put_secret(declared().id, None)
    place.work.secret = ""
    with pytest.raises(DoorwardError, match="identity-unlinked"):
        await place.sign_in()


async def test_another_client_has_another_secret(place: World) -> None:
    client = IdentityProvider(
        id=declared().id, name="Work", issuer=declared().issuer, client_id="another"
    )
    await apply(place, client)
    assert await place.links("alice") == [("work", "s-alice")]
    assert not await has_secret(place)


async def test_a_secret_is_for_one_issuer_and_client(place: World) -> None:
    federation = place.desk.federation
    assert await secret_of(federation, declared()) == SECRET
    with pytest.raises(DoorwardError, match="seal-broken"):
        await secret_of(federation, declared(issuer="https://evil.example"))


async def test_groups_that_nobody_speaks_for_any_more_are_gone(place: World) -> None:
    await apply(place, declared())
    assert standing(place) == ()
    assert set(place.snapshot.sessions) == {"ses_alice", "ses_bob"}


async def test_whoever_is_removed_is_nobody_at_a_provider(place: World) -> None:
    work = declared(groups_claim="groups", groups=FINANCE)
    await apply(place, work, without="alice")
    assert await place.links("alice") == []
    assert "alice" not in place.snapshot.standings
    with pytest.raises(DoorwardError, match="identity-unlinked"):
        await place.sign_in()
