"""A transmitter that is gone from the estate, or has another issuer, has no say any more."""

from __future__ import annotations

import pytest

from doorward.administrator.apply_estate import apply_estate
from doorward.administrator.control_plane import Act
from doorward.administrator.disabling import disablers
from doorward.administrator.leave import leave
from doorward.administrator.set_standing import disable_user
from doorward.estate import Estate
from doorward.model.ids import TransmitterId, UserId
from doorward.model.snapshot import ESTATE_KINDS, FIELDS
from doorward.model.transmitter import Transmitter
from tests.unit.signals_world import DISABLED, Signals, declared, signals


@pytest.fixture
async def place() -> Signals:
    found = await signals()
    await found.push(DISABLED, {})
    return found


async def apply(place: Signals, transmitter: Transmitter | None, *, without: str = "") -> None:
    """The estate as it is, with another `watch`, and without somebody."""
    documents = {kind: dict(getattr(place.snapshot, FIELDS[kind])) for kind in ESTATE_KINDS}
    documents["transmitter"] = {} if transmitter is None else {"watch": transmitter}
    documents["user"].pop(without, None)
    await apply_estate(place.world.desk.control, place.act(), Estate(documents))


async def kept(place: Signals) -> tuple[bool, bool]:
    """Whether a stream and a word of it are kept."""
    watch = TransmitterId("watch")
    async with place.world.desk.store.transaction() as transaction:
        stream = await transaction.receiver.streams.get(watch)
        word = await transaction.receiver.words.get(watch, "account", "user:alice")
    return stream is not None, word is not None


async def test_nobody_stays_out_by_the_word_of_one_that_is_gone(place: Signals) -> None:
    await apply(place, None)
    assert not place.standing().disabled
    assert await kept(place) == (False, False)


async def test_what_others_say_stays(place: Signals) -> None:
    control = place.world.desk.control
    await disable_user(control, Act("operator", place.now), UserId("alice"))
    await apply(place, None)
    assert disablers(place.standing()) == ("doorward",)


async def test_another_issuer_is_another_transmitter(place: Signals) -> None:
    await apply(place, declared(issuer="https://other.example"))
    assert not place.standing().disabled
    assert await kept(place) == (False, False)
    answer = await place.post(place.there.token(DISABLED, {}, {"format": "x"}))
    assert answer.json()["err"] == "authentication_failed"


async def test_any_other_change_keeps_its_word_and_stream(place: Signals) -> None:
    await apply(place, declared(effects=("disable",), name="Watch 2"))
    assert place.standing().disabled
    assert await kept(place) == (True, True)


async def test_a_person_who_goes_with_it_is_gone(place: Signals) -> None:
    await apply(place, None, without="alice")
    assert "alice" not in place.snapshot.standings
    assert "alice" not in place.snapshot.users


async def test_what_was_said_of_somebody_who_leaves_is_forgotten(place: Signals) -> None:
    await leave(place.world.desk.control, place.act(), UserId("alice"))
    assert await kept(place) == (True, False)
