"""The provider's signing keys: made, published before use, retired, withdrawn."""

from __future__ import annotations

import msgspec
import pytest

from doorward.adapters.openid.jose import RSA_BITS, JoseTokenSigner
from doorward.adapters.sealer import AesGcmSealer
from doorward.administrator.control_plane import Act
from doorward.administrator.openid.signing_keys import (
    LEAD_SECONDS,
    ROTATION_SECONDS,
    PublishedKeys,
    keep_keys,
    outlived,
    rotate_keys,
    signing,
    wanting,
)
from doorward.administrator.openid_ports import SigningKey
from doorward.errors import DoorwardError
from tests.fakes.openid_desk import Round, Stand, said, stand

DAY = 86_400.0


@pytest.fixture
async def office() -> Stand:
    return await stand()


def key(name: str, active_from: float) -> SigningKey:
    return SigningKey(
        id=name,
        algorithm="ES256",
        public={},
        sealed=b"",
        created_at=0.0,
        active_from=active_from,
    )


async def keys(office: Stand) -> list[SigningKey]:
    async with office.desk.store.transaction() as transaction:
        return list(await transaction.openid.keys.all())


def test_the_key_that_became_active_last_signs() -> None:
    known = [key("old", 0.0), key("now", 10.0), key("next", 30.0)]
    assert signing(known, "ES256", 20.0).id == "now"
    assert signing(known, "ES256", 30.0).id == "next"
    for missing in ([], [key("next", 30.0)]):
        with pytest.raises(DoorwardError, match="signing-key-missing"):
            signing(missing, "ES256", 20.0)
    with pytest.raises(DoorwardError, match="signing-key-missing"):
        signing(known, "RS256", 20.0)


def test_the_next_key_is_made_a_day_before_it_signs() -> None:
    assert wanting([], 5.0) == {"RS256": 5.0, "ES256": 5.0}
    rsa = msgspec.structs.replace(key("rsa", ROTATION_SECONDS), algorithm="RS256")
    early = ROTATION_SECONDS - LEAD_SECONDS - 1.0
    assert wanting([rsa, key("first", 0.0)], early) == {}
    due = early + 1.0
    assert wanting([rsa, key("first", 0.0)], due) == {"ES256": due + LEAD_SECONDS}
    assert wanting([rsa, key("first", 0.0), key("next", due + DAY)], due) == {}


def test_a_key_outlives_its_last_use_by_a_session() -> None:
    known = [key("old", 0.0), key("now", 100.0)]
    assert outlived(known, 149.0, keep_seconds=50.0) == []
    assert [item.id for item in outlived(known, 150.0, keep_seconds=50.0)] == ["old"]
    assert outlived([key("only", 0.0)], 1e9, keep_seconds=1.0) == []


async def test_rotation_over_a_year_never_breaks_a_token(office: Stand) -> None:
    office.desk.now += 1.0
    seen: set[str] = set()
    for _ in range(4 * 366):
        await keep_keys(office.desk.openid, office.desk.now)
        known = await keys(office)
        published = {item.id for item in known}
        for algorithm in ("RS256", "ES256"):
            signs = signing(known, algorithm, office.desk.now)
            # Whatever signs was published for a day, but for the very first.
            assert not seen or signs.id in seen
        seen = published
        office.desk.now += DAY / 4
    acts = await office.desk.audited("signing-key-made")
    assert len(acts) == 2 * 5
    assert len(await keys(office)) <= 4


async def test_two_control_planes_make_one_key(office: Stand) -> None:
    import asyncio

    office.desk.now += ROTATION_SECONDS
    await asyncio.gather(*(keep_keys(office.desk.openid, office.desk.now) for _ in range(3)))
    assert len(await keys(office)) == 4


async def test_rotating_publishes_first_and_signs_a_day_later(office: Stand) -> None:
    visit = await office.round()
    before = (await visit.signed_in())["id_token"]
    act = Act("operator", office.desk.now)
    await rotate_keys(office.desk.openid, act, at_once=False)
    await rotate_keys(office.desk.openid, act, at_once=False)
    assert len(await keys(office)) == 4
    office.desk.now += 6
    published = said(await office.desk.client().get("/openid/jwks.json"))["keys"]
    assert len(published) == 4
    after = (await visit.signed_in())["id_token"]
    assert kid(before) == kid(after)
    office.desk.now += LEAD_SECONDS
    later = await (await office.round()).signed_in()
    assert kid(later["id_token"]) != kid(before)
    # What the former key signed is still verified.
    assert (await office.claims(before))["sub"] == "alice"


async def test_a_leaked_key_is_withdrawn_at_once(office: Stand) -> None:
    visit = await office.round()
    before = (await visit.signed_in())["id_token"]
    await rotate_keys(office.desk.openid, Act("operator", office.desk.now), at_once=True)
    assert len(await keys(office)) == 2
    after = (await visit.signed_in())["id_token"]
    assert kid(after) != kid(before)
    answer = await visit.browser.get(f"/openid/logout?id_token_hint={before}")
    assert answer.status_code == 400
    office.desk.now += 6
    assert (await office.claims(after))["sub"] == "alice"
    acts = await office.desk.audited("signing-key-withdrawn")
    assert len(acts) == 2


async def test_published_keys_are_read_anew_soon(office: Stand) -> None:
    published = PublishedKeys()
    first = await published.of(office.desk.openid, office.desk.now)
    await rotate_keys(office.desk.openid, Act("operator", office.desk.now), at_once=True)
    assert await published.of(office.desk.openid, office.desk.now + 4) == first
    assert await published.of(office.desk.openid, office.desk.now + 5) != first


async def test_a_private_key_opens_with_the_seal_of_this_installation_alone(
    office: Stand,
) -> None:
    stolen = JoseTokenSigner(AesGcmSealer(b"x" * 32))
    for item in await keys(office):
        assert b"PRIVATE" not in item.sealed
        with pytest.raises(DoorwardError, match="seal-broken"):
            stolen.sign(item, "JWT", {"sub": "alice"})
        renamed = msgspec.structs.replace(item, id="another")
        with pytest.raises(DoorwardError, match="seal-broken"):
            office.desk.openid.signer.sign(renamed, "JWT", {"sub": "alice"})


def test_an_rsa_key_is_long_enough() -> None:
    import base64

    made = JoseTokenSigner(AesGcmSealer(bytes(32))).generate("RS256", 0.0, 0.0)
    modulus = base64.urlsafe_b64decode(made.public["n"] + "==")
    assert len(modulus) * 8 == RSA_BITS >= 2048


async def test_without_a_key_nothing_is_given_and_nothing_used_up(office: Stand) -> None:
    visit: Round = await office.round()
    code = await visit.code()
    async with office.desk.store.transaction() as transaction:
        for item in await transaction.openid.keys.all():
            await transaction.openid.keys.remove(item.id)
    answer = await visit.exchange(code)
    assert answer.status_code == 503
    assert said(answer)["error"] == "temporarily_unavailable"
    await keep_keys(office.desk.openid, office.desk.now)
    assert (await visit.exchange(code)).status_code == 200


def kid(token: str) -> str:
    from joserfc import jws

    return str(jws.extract_compact(token.encode()).headers()["kid"])
