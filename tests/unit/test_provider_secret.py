"""The client's secret: set from outside the estate, sealed, and never answered."""

from __future__ import annotations

import pytest

from doorward.administrator.control_plane import Act
from doorward.administrator.federation.provider_secret import secret_of, set_provider_secret
from doorward.errors import DoorwardError
from tests.fakes.provider import SECRET, declared
from tests.unit.federation_world import World, world


@pytest.fixture
async def place() -> World:
    return await world()


async def put(place: World, secret: str, provider: str = "work") -> None:
    act = Act("operator", place.desk.now)
    await set_provider_secret(place.desk.federation, act, provider, secret)


async def test_the_store_and_the_audit_log_hold_no_secret(place: World) -> None:
    assert SECRET not in repr(place.desk.store.content())
    assert await secret_of(place.desk.federation, declared()) == SECRET
    entries = await place.desk.audited("provider-secret-set")
    assert {entry["target"] for entry in entries} == {"provider:work", "provider:other"}


async def test_a_secret_can_be_taken_away(place: World) -> None:
    await put(place, "")
    assert await secret_of(place.desk.federation, declared()) == ""
    assert len(await place.desk.audited("provider-secret-removed")) == 1


@pytest.mark.parametrize("secret", ["a\nb", "é", "a" * 1025, "\0"])
async def test_what_is_no_secret_is_refused(place: World, secret: str) -> None:
    with pytest.raises(DoorwardError, match="provider-secret-invalid") as error:
        await put(place, secret)
    assert secret not in str(error.value)
    assert await secret_of(place.desk.federation, declared()) == SECRET


async def test_a_provider_of_nobody_has_none(place: World) -> None:
    with pytest.raises(DoorwardError, match="provider-unknown"):
        await put(place, "x", "nobody")


async def test_a_client_without_a_secret_names_itself(place: World) -> None:
    await put(place, "")
    place.work.secret = ""
    await place.link("alice")
    assert (await place.sign_in()).proof.user == "alice"


async def test_a_secret_goes_into_the_form_where_the_provider_wants_that(place: World) -> None:
    place.work.document = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    await place.link("alice")
    assert (await place.sign_in()).proof.user == "alice"
