"""Passkeys: each lie that an answer can tell, and that each is refused."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from doorward.administrator.authentication import PasskeyRejectedError, Proof
from doorward.administrator.control_plane import Act
from doorward.administrator.credentials.assurance import passkey_credential
from doorward.administrator.passkey_challenge import LIFETIME_SECONDS
from doorward.administrator.set_standing import disable_user, enable_user
from doorward.administrator.sign_in_passkey import (
    begin_passkey,
    open_session_by_passkey,
    sign_in_passkey,
)
from doorward.errors import DoorwardError
from tests.fakes.authenticator import SoftwareAuthenticator
from tests.fakes.sign_in import ALICE, BOB, ELSEWHERE, HERE, PAYROLL, Desk, desk


@pytest.fixture
async def office() -> Desk:
    return await desk()


@pytest.fixture
async def device(office: Desk) -> SoftwareAuthenticator:
    return await office.with_passkey(ALICE)


async def options_of(office: Desk) -> dict[str, object]:
    return await begin_passkey(office.authenticators, HERE, user=None, now=office.now)


async def answer(office: Desk, response: dict[str, object]) -> Proof:
    return await sign_in_passkey(office.authenticators, HERE, response, user=None, now=office.now)


async def test_a_passkey_proves_a_person_whom_nobody_named(
    office: Desk, device: SoftwareAuthenticator
) -> None:
    options = await options_of(office)
    assert options["userVerification"] == "required"
    assert options["rpId"] == "auth.doorward.localhost"
    assert not options.get("allowCredentials")
    assert await answer(office, device.get(options)) == Proof(
        ALICE,
        ("passkey",),
        phishing_resistant=True,
        multi_factor=True,
        aal=2,
        credential=passkey_credential(device.name),
    )


LIES: dict[str, Callable[[SoftwareAuthenticator], object]] = {
    "origin of an application": lambda device: setattr(device, "origin", PAYROLL),
    "origin of another scheme": lambda device: setattr(
        device, "origin", "http://auth.doorward.localhost:8081"
    ),
    "another relying party": lambda device: setattr(device, "rp_id", "doorward.localhost"),
    "user not verified": lambda device: setattr(device, "verifies_user", False),
    "frame of another site": lambda device: setattr(device, "cross_origin", True),
    "handle of another person": lambda device: setattr(device, "user_handle", b"b" * 32),
    "no handle where nobody was named": lambda device: setattr(device, "user_handle", None),
    "unknown passkey": lambda device: setattr(device, "credential_id", b"?" * 32),
    "key of another": lambda device: setattr(
        device, "key", SoftwareAuthenticator(device.origin, device.rp_id).key
    ),
}


@pytest.mark.parametrize("lie", LIES)
async def test_a_lie_is_refused(office: Desk, device: SoftwareAuthenticator, lie: str) -> None:
    LIES[lie](device)
    options = await options_of(office)
    with pytest.raises(PasskeyRejectedError):
        await answer(office, device.get(options))
    assert len(await office.audited("sign-in-rejected")) == 1


async def test_a_challenge_that_was_never_given_is_refused(
    office: Desk, device: SoftwareAuthenticator
) -> None:
    with pytest.raises(PasskeyRejectedError) as caught:
        await answer(office, device.get({"challenge": "A" * 43}))
    assert caught.value.why == "challenge-unknown"


async def test_an_answer_works_once(office: Desk, device: SoftwareAuthenticator) -> None:
    response = device.get(await options_of(office))
    await answer(office, response)
    with pytest.raises(PasskeyRejectedError) as caught:
        await answer(office, response)
    assert caught.value.why == "challenge-used"


async def test_a_failed_answer_uses_the_challenge_up(
    office: Desk, device: SoftwareAuthenticator
) -> None:
    options = await options_of(office)
    device.verifies_user = False
    with pytest.raises(PasskeyRejectedError):
        await answer(office, device.get(options))
    device.verifies_user = True
    with pytest.raises(PasskeyRejectedError) as caught:
        await answer(office, device.get(options))
    assert caught.value.why == "challenge-used"


async def test_a_challenge_expires(office: Desk, device: SoftwareAuthenticator) -> None:
    response = device.get(await options_of(office))
    office.now += LIFETIME_SECONDS
    with pytest.raises(PasskeyRejectedError) as caught:
        await answer(office, response)
    assert caught.value.why == "challenge-expired"


async def test_a_challenge_is_for_the_browser_that_asked(
    office: Desk, device: SoftwareAuthenticator
) -> None:
    response = device.get(await options_of(office))
    with pytest.raises(PasskeyRejectedError) as caught:
        await sign_in_passkey(office.authenticators, ELSEWHERE, response, user=None, now=office.now)
    assert caught.value.why == "challenge-unknown"


async def test_an_answer_of_somebody_disabled_is_used_up_as_well(
    office: Desk, device: SoftwareAuthenticator
) -> None:
    response = device.get(await options_of(office))

    async def again() -> object:
        return await open_session_by_passkey(
            office.authenticators, HERE, response, now=office.now, lifetime_seconds=60
        )

    await disable_user(office.control, Act("operator", office.now), ALICE)
    with pytest.raises(DoorwardError, match="user-disabled"):
        await again()
    await enable_user(office.control, Act("operator", office.now), ALICE)
    with pytest.raises(PasskeyRejectedError):
        await again()
    assert not office.control.live.current.sessions


async def test_a_sign_count_that_stands_still_is_a_copied_passkey(
    office: Desk, device: SoftwareAuthenticator
) -> None:
    await answer(office, device.get(await options_of(office)))
    device.sign_count -= 1
    options = await options_of(office)
    with pytest.raises(PasskeyRejectedError):
        await answer(office, device.get(options))


async def test_a_step_up_takes_the_passkey_of_that_person_only(
    office: Desk, device: SoftwareAuthenticator
) -> None:
    await office.with_passkey(BOB)
    options = await begin_passkey(office.authenticators, HERE, user=BOB, now=office.now)
    with pytest.raises(PasskeyRejectedError) as caught:
        await sign_in_passkey(
            office.authenticators, HERE, device.get(options), user=BOB, now=office.now
        )
    assert caught.value.why == "passkey-of-somebody-else"


async def test_a_challenge_of_a_sign_in_is_none_of_a_step_up(
    office: Desk, device: SoftwareAuthenticator
) -> None:
    response = device.get(await options_of(office))
    with pytest.raises(PasskeyRejectedError):
        await sign_in_passkey(office.authenticators, HERE, response, user=ALICE, now=office.now)


async def test_the_sign_count_and_the_last_use_are_kept(
    office: Desk, device: SoftwareAuthenticator
) -> None:
    await answer(office, device.get(await options_of(office)))
    async with office.store.transaction() as transaction:
        (passkey,) = await transaction.credentials.passkeys(ALICE)
    assert (passkey.sign_count, passkey.last_used_at) == (1, office.now)


@pytest.mark.parametrize(
    "response",
    [
        {},
        {"id": "x"},
        {"id": "x", "response": {}},
        {"id": "x", "response": []},
        {"id": "x", "response": {"clientDataJSON": "!!"}},
        {"id": "x", "response": {"clientDataJSON": "W10"}},
        {"id": "x", "response": {"clientDataJSON": "bnVsbA"}},
    ],
    ids=msgspec.json.encode,
)
async def test_nonsense_is_refused(office: Desk, response: dict[str, object]) -> None:
    with pytest.raises(PasskeyRejectedError):
        await answer(office, response)


async def test_nonsense_beside_a_good_challenge_is_refused(
    office: Desk, device: SoftwareAuthenticator
) -> None:
    response = device.get(await options_of(office))
    answers = response["response"]
    assert isinstance(answers, dict)
    answers["authenticatorData"] = "AAAA"
    with pytest.raises(PasskeyRejectedError):
        await answer(office, response)
