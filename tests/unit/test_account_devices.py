"""A person's own devices: what is told of each, and what their forms do."""

from __future__ import annotations

import html
import re
from dataclasses import replace

import pytest

from doorward.administrator.authentication import Browser, Proof
from doorward.administrator.control_plane import Act
from doorward.administrator.open_session import open_session
from doorward.model.posture import Trust
from tests.fakes.account import FIREFOX, OwnBrowser, browser, enrol
from tests.fakes.certificates import certificate
from tests.fakes.lively_fleet import DAY, HOSTILE_NAME, HOUR, Kept, settle_in
from tests.fakes.sign_in import ALICE, BOB, Desk, desk

HERE = "/account/devices"
LAPTOP = Kept("laptop", "ThinkPad")


@pytest.fixture
async def office() -> Desk:
    return await desk()


async def words(here: OwnBrowser, path: str) -> str:
    """A page as it is read: without markup, with single spaces."""
    answer = await here.get(path)
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]*>", " ", answer.text)))


async def told(office: Desk, kept: Kept) -> tuple[str, str]:
    """What alice reads of the device in the list, and on its own page."""
    await settle_in(office.control, [ALICE], office.now, [kept])
    here = await browser(office)
    return await words(here, HERE), await words(here, f"{HERE}?device={kept.id}")


STATES = [
    (LAPTOP, ["ThinkPad Healthy", "It meets the health rules of your organisation."]),
    (
        replace(LAPTOP, facts={"disk-encrypted": False}),
        [
            "ThinkPad Unhealthy",
            "do not open on it until that is put right",
            "Put right now Disk encryption Encrypt the whole disk. The help desk sits with you",
            "while it runs. How to : Disk encryption",
            "Not so for 2 days, by the rules “Every device of ours”.",
        ],
    ),
    (
        replace(LAPTOP, facts={"updates-age-days": 20}),
        [
            "ThinkPad Healthy",
            "Put right in time Age of the oldest pending security update by 26 Nov 2026, 12:00",
            "26 Nov 2026, 12:00 (in 3 days)",
            "Not so for 2 days. Until then it counts as done; after that the device is unhealthy.",
        ],
    ),
    (
        replace(LAPTOP, facts={"screen-lock": None}),
        [
            "ThinkPad Unknown",
            "Not all that your organisation asks for is known of it.",
            "Cannot be told Screen lock",
            "what is not known does not count as done",
        ],
    ),
    (
        replace(LAPTOP, seen_ago=9 * HOUR),
        [
            "ThinkPad Unknown Silent",
            "It has said nothing for more than a quarter of an hour",
            "Cannot be told meanwhile: Disk encryption, Firewall, Screen lock.",
        ],
    ),
    (
        replace(LAPTOP, seen_ago=None),
        ["ThinkPad Unknown", "It has never said how well it is.", "Last report never"],
    ),
    (
        replace(LAPTOP, suspended="lost"),
        ["ThinkPad Suspended", "It was reported lost, so it counts as none."],
    ),
    (
        replace(LAPTOP, suspended="cloned"),
        ["ThinkPad Suspended", "one of them is a copy, so it counts as none."],
    ),
    (replace(LAPTOP, platform="macos"), ["System macOS", "Key in its security chip (TPM)"]),
    (replace(LAPTOP, storage="software"), ["Key in a file, by software"]),
    (replace(LAPTOP, risk=40), ["Risk 40 of 100"]),
]


@pytest.mark.parametrize(("kept", "expected"), STATES)
async def test_each_state_is_told_in_words(office: Desk, kept: Kept, expected: list[str]) -> None:
    listed, alone = await told(office, kept)
    name, *rest = expected
    assert name in listed
    for sentence in rest:
        assert sentence in listed
        assert sentence in alone


async def test_advice_stands_apart_and_keeps_nobody_out(office: Desk) -> None:
    listed, alone = await told(office, replace(LAPTOP, facts={"sshd-password-login": True}))
    assert "ThinkPad Healthy" in listed
    assert "Advice 1 thing to make better" in listed
    assert "Let SSH take keys only" not in listed
    assert "This keeps you out of nothing. Advice SSH server takes passwords" in alone
    assert "Let SSH take keys only." in alone


async def test_a_page_of_its_own_has_every_fact_and_how_health_went(office: Desk) -> None:
    _, alone = await told(office, replace(LAPTOP, trust=Trust.QUOTED, attested=True))
    assert "Key in its security chip (TPM), which has proved itself" in alone
    assert "Disk encryption on Found 1 min ago by lsblk" in alone
    assert "by lsblk ; vouched for by its security chip; good for 13 min more." in alone
    assert "Ports open to the network tcp/22" in alone
    assert "Unhealthy since 6 Nov 2026, 12:00 17 days ago Not as it must be: Firewall." in alone
    assert "healthy 96 %, unhealthy 4 %" in alone


async def test_those_that_need_their_person_stand_first(office: Desk) -> None:
    kept = [
        Kept("a", "Aal"),
        Kept("b", "Bee", seen_ago=9 * HOUR),
        Kept("c", "Cat", facts={"updates-age-days": 20}),
        Kept("d", "Dog", facts={"firewall": False}),
    ]
    await settle_in(office.control, [ALICE], office.now, kept)
    page = await words(await browser(office), HERE)
    places = [page.index(name) for name in ("Dog Unh", "Bee Unk", "Cat Hea", "Aal Hea")]
    assert places == sorted(places)


async def test_a_hostile_name_is_text(office: Desk) -> None:
    await settle_in(office.control, [ALICE], office.now, [replace(LAPTOP, name=HOSTILE_NAME)])
    here = await browser(office)
    for path in (HERE, f"{HERE}?device=laptop", "/account"):
        page = (await here.get(path)).text
        assert HOSTILE_NAME not in page
        assert "<img" not in page
    assert "&lt;img src=x onerror=alert(1)&gt;" in (await here.get(HERE)).text


async def test_a_device_of_somebody_else_has_no_page(office: Desk) -> None:
    await enrol(office, "bob-laptop", BOB)
    here = await browser(office)
    answers = [await here.get(f"{HERE}?device={name}") for name in ("bob-laptop", "nobodys")]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.text for answer in answers}) == 1
    audited = await office.audited("not-own-refused")
    assert [item["target"] for item in audited] == ["device:bob-laptop", "device:nobodys"]


async def test_a_lost_device_is_suspended_at_once_without_a_fresh_sign_in(office: Desk) -> None:
    await settle_in(office.control, [ALICE], office.now, [LAPTOP])
    here = await browser(office)
    office.now += DAY / 48
    answer = await here.post(f"{HERE}/lost", device="laptop")
    assert answer.headers["location"] == f"{HERE}?done=device-lost"
    assert office.control.live.current.devices["laptop"].suspended == "lost"
    assert [item["why"] for item in await office.audited("device-suspended")] == ["lost"]
    page = await words(here, answer.headers["location"])
    assert "The device is suspended" in page
    assert "I lost it" not in page


async def test_sessions_name_the_device_that_they_belong_to(office: Desk) -> None:
    await settle_in(office.control, [ALICE], office.now, [LAPTOP])
    await open_session(
        office.control,
        Act("user:alice", office.now - 600),
        proof=Proof(ALICE, ("passkey",), phishing_resistant=True, multi_factor=True, aal=2),
        browser=Browser("192.0.2.9", FIREFOX, "f1" * 32, certificate("laptop")),
        lifetime_seconds=3600,
    )
    here = await browser(office)
    page = await words(here, "/account/sessions")
    assert page.count("Only on") == 1
    assert "Only on ThinkPad" in page
    assert f'href="{HERE}?device=laptop"' in (await here.get("/account/sessions")).text
    listed, alone = await words(here, HERE), await words(here, f"{HERE}?device=laptop")
    assert "Signed in on it Firefox on Windows, since 10 min" in listed
    assert "Signed in on it Firefox on Windows, since 10 min" in alone


async def test_the_overview_says_what_is_wrong_with_which(office: Desk) -> None:
    ill = replace(LAPTOP, facts={"firewall": False})
    lost = replace(ill, id="gone", name="Gone", suspended="lost")
    await settle_in(office.control, [ALICE], office.now, [ill, lost])
    page = await words(await browser(office), "/account")
    assert "A device of yours is unhealthy ThinkPad (Not as it must be: Firewall):" in page
    assert "Gone" not in page


async def test_a_name_that_is_none_does_not_stand_in_the_audit(office: Desk) -> None:
    here = await browser(office)
    assert (await here.get(f"{HERE}?device={'x' * 5000}")).status_code == 404
    assert [item["target"] for item in await office.audited("not-own-refused")] == ["device"]
