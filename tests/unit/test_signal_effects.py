"""What each signal of another system does here, and what it never does."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from doorward.administrator.authentication import Proof, digest
from doorward.administrator.control_plane import Act
from doorward.administrator.devices.manage_devices import report_posture
from doorward.administrator.disabling import disablers
from doorward.administrator.federation.ended import require_standing
from doorward.administrator.federation.refusals import FederationRejectedError
from doorward.administrator.receiver.applying import Applying
from doorward.administrator.receiver.effects import applied
from doorward.administrator.receiver.set_claims import SecurityEvent
from doorward.administrator.receiver.subjects import Subject
from doorward.administrator.set_standing import disable_user, enable_user, set_user_risk
from doorward.model.estate import ProviderGroup
from doorward.model.identity import ResourceCookie, Standing
from doorward.model.ids import DeviceId, GroupId, ResourceId, SessionId, TransmitterId, UserId
from doorward.model.transmitter import SESSION_EFFECTS, RiskRow
from doorward.protocol.signals.events import (
    DeviceComplianceChange,
    Event,
    RiskLevelChange,
    event_type,
)
from tests.unit.signals_world import (
    ALICE,
    ALICE_THERE,
    ALL_EFFECTS,
    ASSURANCE_CHANGE,
    CLAIMS_CHANGE,
    COMPLIANCE_CHANGE,
    CREDENTIAL_CHANGE,
    DISABLED,
    ENABLED,
    LAPTOP,
    RISK_CHANGE,
    SESSION_REVOKED,
    Signals,
    declared,
    signals,
    with_sessions,
)

BAD = {"previous_status": "compliant", "current_status": "not-compliant"}
GOOD = {"previous_status": "not-compliant", "current_status": "compliant"}


@pytest.fixture
async def place() -> Signals:
    found = await signals()
    await with_sessions(found)
    return found


def session(of: str, user: object = None) -> dict[str, Any]:
    named = {"format": "complex", "session": {"format": "opaque", "id": of}}
    return named if user is None else {**named, "user": user}


# session-revoked


async def test_a_revoked_session_of_the_person_ends_all_of_theirs(place: Signals) -> None:
    cookie = ResourceCookie(id="c0" * 32, session=SessionId("ses_1"), resource=ResourceId("x"))
    await place.world.desk.publish("cookie", cookie)
    signal = await place.push(SESSION_REVOKED, {"event_timestamp": int(place.now)})
    assert set(place.snapshot.sessions) == {"ses_bob"}
    assert not place.snapshot.cookies
    assert (signal.outcome, signal.subject) == ("applied", "user:alice")
    async with place.world.desk.store.transaction() as transaction:
        (entry,) = await transaction.audit.latest(1)
    assert (entry.act, entry.actor) == ("signal-applied", "transmitter:watch")
    assert entry.target == "user:alice"
    assert (entry.detail["event"], entry.detail["jti"]) == ("session-revoked", signal.jti)


async def test_a_session_is_named_as_the_provider_does(place: Signals) -> None:
    await place.push(SESSION_REVOKED, {}, session("sid-2"))
    assert set(place.snapshot.sessions) == {"ses_1", "ses_own", "ses_bob"}


async def test_a_session_whose_name_was_never_told_may_be_the_one(place: Signals) -> None:
    there = {"provider": "work", "provider_subject": digest("s-alice")}
    await place.world.session("alice", "ses_unnamed", **there)
    await place.push(SESSION_REVOKED, {}, session("sid-2"))
    assert "ses_unnamed" in place.snapshot.sessions
    await place.push(SESSION_REVOKED, {}, session("sid-1", ALICE_THERE))
    assert set(place.snapshot.sessions) == {"ses_own", "ses_bob"}


async def test_our_own_session_is_named_only_along_with_its_person(place: Signals) -> None:
    await place.push(SESSION_REVOKED, {}, session("ses_own"))
    await place.push(SESSION_REVOKED, {}, session("ses_bob", ALICE))
    assert set(place.snapshot.sessions) == {"ses_1", "ses_2", "ses_own", "ses_bob"}
    await place.push(SESSION_REVOKED, {}, session("ses_own", ALICE_THERE))
    assert set(place.snapshot.sessions) == {"ses_1", "ses_2", "ses_bob"}


async def test_a_session_that_began_after_the_event_stays(place: Signals) -> None:
    """A delivery that was held up for an hour does not end what the person did since."""
    place.world.desk.now += 3600
    await place.world.session("alice", "ses_new")
    await place.push(SESSION_REVOKED, {"event_timestamp": int(place.now) - 1800})
    assert set(place.snapshot.sessions) == {"ses_new", "ses_bob"}


async def test_a_sign_in_on_its_way_does_not_become_a_session(place: Signals) -> None:
    await place.push(SESSION_REVOKED, {}, ALICE_THERE)
    proof = Proof(
        user=UserId("alice"),
        methods=("federated",),
        phishing_resistant=False,
        multi_factor=False,
        aal=1,
        provider="work",
        provider_subject=digest("s-alice"),
    )
    async with place.world.desk.store.transaction() as transaction:
        with pytest.raises(FederationRejectedError) as refused:
            await require_standing(transaction, proof, place.now)
    assert refused.value.why == "session-ended-at-provider"


async def test_only_sessions_on_the_device_end_where_one_is_named(place: Signals) -> None:
    await place.world.session("alice", "ses_laptop", device=DeviceId("laptop"))
    subject = {**LAPTOP, "user": ALICE}
    await place.push(SESSION_REVOKED, {}, subject)
    assert set(place.snapshot.sessions) == {"ses_1", "ses_2", "ses_own", "ses_bob"}


# token-claims-change


async def test_changed_claims_end_the_sessions_that_rest_on_them(place: Signals) -> None:
    await place.push(CLAIMS_CHANGE, {"claims": {"role": "ro-admin"}}, ALICE_THERE)
    assert set(place.snapshot.sessions) == {"ses_own", "ses_bob"}


async def test_asserted_groups_are_taken_away_until_they_are_asserted_anew(place: Signals) -> None:
    rows = (ProviderGroup(value="Finance", group=GroupId("finance")),)
    await place.world.declare(groups_claim="roles", groups=rows)
    groups = (GroupId("finance"), GroupId("staff"))
    await place.world.desk.publish("standing", Standing(id=UserId("alice"), groups=groups))
    await place.push(CLAIMS_CHANGE, {"claims": {"locale": "de"}})
    assert place.standing().groups == groups
    await place.push(CLAIMS_CHANGE, {"claims": {"roles": ["Finance", "Everything"]}})
    assert place.standing().groups == ("staff",)


# credential-change


@pytest.mark.parametrize("change", ["revoke", "delete"])
async def test_a_credential_taken_away_ends_what_may_rest_on_it(
    place: Signals, change: str
) -> None:
    payload = {"credential_type": "password", "change_type": change}
    await place.push(CREDENTIAL_CHANGE, payload)
    assert set(place.snapshot.sessions) == {"ses_own", "ses_bob"}


@pytest.mark.parametrize("change", ["create", "update"])
async def test_a_credential_that_changed_wants_a_new_authentication(
    place: Signals, change: str
) -> None:
    payload = {"credential_type": "fido2-roaming", "change_type": change}
    await place.push(CREDENTIAL_CHANGE, payload)
    for name in ("ses_1", "ses_2"):
        lowered = place.snapshot.sessions[name]
        assert (lowered.authenticated_at, lowered.aal) == (0.0, 1)
        assert not lowered.multi_factor
        assert not lowered.phishing_resistant
    assert place.snapshot.sessions["ses_own"].aal == 3
    assert place.snapshot.sessions["ses_bob"].authenticated_at == place.now


async def test_without_a_provider_the_person_authenticates_anew(place: Signals) -> None:
    await place.declare(provider="")
    await place.push(CREDENTIAL_CHANGE, {"credential_type": "app", "change_type": "revoke"})
    assert len(place.snapshot.sessions) == 4
    assert place.snapshot.sessions["ses_own"].authenticated_at == 0.0
    assert place.snapshot.sessions["ses_bob"].authenticated_at == place.now


# assurance-level-change


async def test_a_lower_assurance_lowers_sessions_by_that_provider(place: Signals) -> None:
    payload = {"namespace": "NIST-AAL", "current_level": "nist-aal2", "previous_level": "nist-aal3"}
    await place.push(ASSURANCE_CHANGE, {**payload, "change_direction": "decrease"})
    lowered = place.snapshot.sessions["ses_1"]
    assert (lowered.aal, lowered.multi_factor, lowered.phishing_resistant) == (2, True, False)
    assert place.snapshot.sessions["ses_2"].phishing_resistant
    assert place.snapshot.sessions["ses_own"].aal == 3


@pytest.mark.parametrize("direction", ["increase", None])
async def test_a_higher_assurance_raises_nothing(place: Signals, direction: str | None) -> None:
    told = {} if direction is None else {"change_direction": direction}
    before = place.snapshot.sessions
    payload = {"namespace": "NIST-AAL", "current_level": "nist-aal3"}
    signal = await place.push(ASSURANCE_CHANGE, {**payload, **told})
    assert place.snapshot.sessions == before
    assert signal.outcome == "nothing-to-do"


@pytest.mark.parametrize(("namespace", "level"), [("RFC8176", "pwd"), ("NIST-AAL", "low")])
async def test_a_level_that_cannot_be_compared_ends_sessions(
    place: Signals, namespace: str, level: str
) -> None:
    await place.push(ASSURANCE_CHANGE, {"namespace": namespace, "current_level": level})
    assert set(place.snapshot.sessions) == {"ses_own", "ses_bob"}


@pytest.mark.parametrize("namespace", ["NIST-IAL", "NIST-FAL"])
async def test_other_scales_say_nothing_of_authentication(place: Signals, namespace: str) -> None:
    before = place.snapshot.sessions
    await place.push(ASSURANCE_CHANGE, {"namespace": namespace, "current_level": "nist-ial1"})
    assert place.snapshot.sessions == before


# device-compliance-change


async def test_a_device_that_does_not_comply_fails_until_it_does(place: Signals) -> None:
    signal = await place.push(COMPLIANCE_CHANGE, BAD, LAPTOP)
    device = place.snapshot.devices["laptop"]
    assert (device.healthy, signal.subject) == (False, "device:laptop")
    assert "Watch" in device.reason
    await place.push(COMPLIANCE_CHANGE, GOOD, {"format": "opaque", "id": "laptop"})
    assert place.snapshot.devices["laptop"].healthy is None


async def test_a_signal_never_makes_a_device_healthy(place: Signals) -> None:
    act = Act("operator", place.now)
    laptop = DeviceId("laptop")
    await report_posture(place.world.desk.control, act, laptop, healthy=False, reason="stolen")
    assert (await place.push(COMPLIANCE_CHANGE, BAD, LAPTOP)).outcome == "nothing-to-do"
    assert (await place.push(COMPLIANCE_CHANGE, GOOD, LAPTOP)).outcome == "not-its-word"
    device = place.snapshot.devices["laptop"]
    assert (device.healthy, device.reason) == (False, "stolen")


async def test_the_device_of_another_is_not_meant(place: Signals) -> None:
    subject = {**LAPTOP, "user": {"format": "email", "email": "bob@work.example"}}
    assert (await place.push(COMPLIANCE_CHANGE, BAD, subject)).outcome == "subject-unknown"
    assert place.snapshot.devices["laptop"].healthy is None


# risk-level-change


async def test_risk_rises_and_falls_by_the_estates_scale(place: Signals) -> None:
    await place.push(RISK_CHANGE, {"principal": "USER", "current_level": "HIGH"})
    assert place.standing().risk == 90
    await place.push(RISK_CHANGE, {"principal": "USER", "current_level": "MEDIUM"})
    assert place.standing().risk == 40
    await place.push(RISK_CHANGE, {"principal": "USER", "current_level": "LOW"})
    assert place.standing().risk == 0


async def test_a_risk_that_others_set_is_not_undercut(place: Signals) -> None:
    act = Act("operator", place.now)
    await set_user_risk(place.world.desk.control, act, UserId("alice"), 60, "seen in the yard")
    low = {"principal": "USER", "current_level": "LOW"}
    assert (await place.push(RISK_CHANGE, low)).outcome == "not-its-word"
    assert place.standing().risk == 60
    await place.push(RISK_CHANGE, {"principal": "USER", "current_level": "HIGH"})
    await place.push(RISK_CHANGE, low)
    assert place.standing().risk == 60


async def test_risk_of_a_device_and_of_a_session(place: Signals) -> None:
    await place.push(RISK_CHANGE, {"principal": "DEVICE", "current_level": "MEDIUM"}, LAPTOP)
    assert place.snapshot.devices["laptop"].risk == 40
    named = session("sid-1", ALICE)
    await place.push(RISK_CHANGE, {"principal": "SESSION", "current_level": "HIGH"}, named)
    risks = {item.id: item.risk for item in place.snapshot.sessions.values()}
    assert risks == {"ses_1": 90, "ses_2": 0, "ses_own": 0, "ses_bob": 0}


async def test_a_level_without_a_number_does_nothing(place: Signals) -> None:
    await place.declare(risk=(RiskRow(level="LOW", risk=0),))
    signal = await place.push(RISK_CHANGE, {"principal": "USER", "current_level": "HIGH"})
    assert (signal.outcome, place.standing().risk) == ("no-risk-given", 0)


@pytest.mark.parametrize("principal", ["TENANT", "GROUP", "ORG_UNIT"])
async def test_risk_of_what_is_not_here_is_recorded(place: Signals, principal: str) -> None:
    signal = await place.push(RISK_CHANGE, {"principal": principal, "current_level": "HIGH"})
    assert (signal.outcome, place.standing().risk) == ("subject-unknown", 0)


# account-disabled, account-enabled


async def test_a_disabled_person_is_out_and_comes_back_by_the_same_word(place: Signals) -> None:
    await place.push(DISABLED, {"reason": "hijacking"})
    assert place.standing().disabled
    assert set(place.snapshot.sessions) == {"ses_bob"}
    await place.push(ENABLED, {})
    assert not place.standing().disabled


async def test_enabling_takes_back_only_its_own_word(place: Signals) -> None:
    control = place.world.desk.control
    await disable_user(control, Act("operator", place.now), UserId("alice"), "left the site")
    assert (await place.push(ENABLED, {})).outcome == "not-its-word"
    await place.push(DISABLED, {})
    assert disablers(place.standing()) == ("doorward", "transmitter:watch")
    await place.push(ENABLED, {})
    assert disablers(place.standing()) == ("doorward",)
    assert place.standing().disabled


async def test_those_who_run_doorward_overrule_a_signal(place: Signals) -> None:
    await place.push(DISABLED, {})
    await enable_user(place.world.desk.control, Act("operator", place.now), UserId("alice"))
    assert not place.standing().disabled


async def test_a_late_enabled_does_not_undo_a_newer_disabled(place: Signals) -> None:
    at = int(place.now)
    await place.push(DISABLED, {"event_timestamp": at - 10})
    late = await place.push(ENABLED, {"event_timestamp": at - 20})
    assert late.outcome == "out-of-order"
    assert place.standing().disabled


async def test_a_late_word_does_not_undo_a_newer_one_of_any_kind(place: Signals) -> None:
    at = int(place.now)
    high = {"principal": "USER", "current_level": "HIGH", "event_timestamp": at}
    low = {**high, "current_level": "LOW", "event_timestamp": at - 5}
    await place.push(RISK_CHANGE, high)
    assert (await place.push(RISK_CHANGE, low)).outcome == "out-of-order"
    assert place.standing().risk == 90
    await place.push(COMPLIANCE_CHANGE, {**BAD, "event_timestamp": at}, LAPTOP)
    late = await place.push(COMPLIANCE_CHANGE, {**GOOD, "event_timestamp": at - 5}, LAPTOP)
    assert late.outcome == "out-of-order"
    assert place.snapshot.devices["laptop"].healthy is False


async def test_a_late_disabled_does_not_undo_a_newer_enabled(place: Signals) -> None:
    at = int(place.now)
    await place.push(ENABLED, {"event_timestamp": at})
    assert (await place.push(DISABLED, {"event_timestamp": at - 5})).outcome == "out-of-order"
    assert not place.standing().disabled


# what a transmitter may not


@pytest.mark.parametrize(
    ("event", "payload", "effect"),
    [
        (DISABLED, {}, "disable"),
        (RISK_CHANGE, {"principal": "USER", "current_level": "HIGH"}, "risk"),
        (SESSION_REVOKED, {}, "end-sessions"),
        (CLAIMS_CHANGE, {"claims": {}}, "renew-sessions"),
        (CREDENTIAL_CHANGE, {"credential_type": "pin", "change_type": "delete"}, "step-up"),
        (ASSURANCE_CHANGE, {"namespace": "X", "current_level": "1"}, "lower-assurance"),
    ],
)
async def test_an_effect_that_the_estate_does_not_allow_never_happens(
    place: Signals, event: str, payload: dict[str, Any], effect: str
) -> None:
    await place.declare(effects=tuple(name for name in ALL_EFFECTS if name != effect))
    before = msgspec.structs.replace(place.standing()), place.snapshot.sessions
    signal = await place.push(event, payload)
    assert signal.outcome == "effect-not-allowed"
    assert (place.standing(), place.snapshot.sessions) == before


async def test_by_default_a_signal_costs_no_more_than_a_sign_in(place: Signals) -> None:
    await place.declare(effects=SESSION_EFFECTS)
    await place.push(DISABLED, {})
    await place.push(RISK_CHANGE, {"principal": "USER", "current_level": "HIGH"})
    await place.push(COMPLIANCE_CHANGE, BAD, LAPTOP)
    assert place.snapshot.standings == {}
    assert place.snapshot.devices["laptop"].healthy is None
    await place.push(SESSION_REVOKED, {})
    assert set(place.snapshot.sessions) == {"ses_bob"}


async def test_an_event_that_it_may_not_send_is_recorded_and_nothing_else(place: Signals) -> None:
    await place.declare(events=("session-revoked",))
    assert (await place.push(DISABLED, {})).outcome == "event-not-allowed"
    assert not place.standing().disabled


# two transmitters


async def said_by(place: Signals, name: str, event: Event, subject: Subject) -> None:
    """As if the transmitter of this name had sent it."""
    other = msgspec.structs.replace(declared(), id=TransmitterId(name), name=name.title())
    await place.world.desk.publish("transmitter", other)
    told = SecurityEvent("jti", event_type(event), event, {}, place.now)
    async with place.world.desk.store.transaction() as transaction:
        done = await applied(Applying(transaction, place.snapshot, other, told, subject, place.now))
        await transaction.snapshot.publish(done.changes)


def risk_of_a_person(level: str) -> RiskLevelChange:
    return msgspec.convert({"principal": "USER", "current_level": level}, RiskLevelChange)


async def test_risk_falls_no_lower_than_another_transmitter_says(place: Signals) -> None:
    alice = Subject(user=place.snapshot.users["alice"])
    risks = []
    for name, level in (
        ("one", "HIGH"),
        ("two", "MEDIUM"),
        ("one", "LOW"),
        ("one", "HIGH"),
        ("two", "HIGH"),
        ("one", "LOW"),
        ("two", "LOW"),
    ):
        await said_by(place, name, risk_of_a_person(level), alice)
        risks.append(place.standing().risk)
    assert risks == [90, 90, 40, 90, 90, 90, 0]


async def test_a_device_fails_until_every_transmitter_says_otherwise(place: Signals) -> None:
    laptop = Subject(device=place.snapshot.devices["laptop"])
    bad, good = (msgspec.convert(x, DeviceComplianceChange) for x in (BAD, GOOD))
    seen = []
    for name, event in (("one", bad), ("two", bad), ("one", good), ("two", good)):
        await said_by(place, name, event, laptop)
        seen.append(place.snapshot.devices["laptop"].healthy)
    assert seen == [False, False, False, None]


async def test_what_was_overruled_here_does_not_come_back_by_another(place: Signals) -> None:
    laptop = Subject(device=place.snapshot.devices["laptop"])
    alice = Subject(user=place.snapshot.users["alice"])
    control, act = place.world.desk.control, Act("operator", place.now)
    high, low = risk_of_a_person("HIGH"), risk_of_a_person("LOW")
    bad, good = (msgspec.convert(x, DeviceComplianceChange) for x in (BAD, GOOD))
    await said_by(place, "two", high, alice)
    await said_by(place, "two", bad, laptop)
    await set_user_risk(control, act, UserId("alice"), 10, "looked at")
    await report_posture(control, act, DeviceId("laptop"), healthy=True)
    for event, subject in ((high, alice), (low, alice), (bad, laptop), (good, laptop)):
        await said_by(place, "one", event, subject)
    assert place.standing().risk == 10
    assert place.snapshot.devices["laptop"].healthy is None
