"""What a snapshot says, in the API's shapes. Pure; the console shows the same."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from doorward.administrator.credentials.assurance import passkey_aal, refusal
from doorward.administrator.credentials.held import Held
from doorward.administrator.disabling import disablers
from doorward.administrator.identity.records import Contact
from doorward.administrator.people import people_of
from doorward.administrator.ports import GatewayState, StoredDecision
from doorward.administrator.recovery.decide_recovery import MAX_TRIES
from doorward.administrator.recovery_ports import Recovery
from doorward.entrypoints.api.views import (
    ActionRuleView,
    CredentialsView,
    DecisionDetail,
    DecisionView,
    DeviceView,
    GatewayView,
    NoticeAddressView,
    PasskeyView,
    PolicyView,
    RecoveryView,
    RemedyView,
    ResourceView,
    SessionView,
    StatusView,
    TokenView,
    UserView,
)
from doorward.entrypoints.pages.words import REASONS, remedy_text
from doorward.model.decision import DecisionRecord, Remedy
from doorward.model.estate import Resource, User
from doorward.model.identity import standing_at
from doorward.model.ids import UnixSeconds
from doorward.model.snapshot import Snapshot


def decision_view(stored: StoredDecision) -> DecisionView:
    """A line of the decision log."""
    return DecisionView.model_validate(_decision_fields(stored))


def decision_detail(
    stored: StoredDecision, reused: DecisionRecord | None, snapshot: Snapshot
) -> DecisionDetail:
    """Why; `reused` is the decision whose ticket was used, where it is another one."""
    record = stored.record
    source = reused or record
    resource = snapshot.resources.get(record.resource)
    timezone = resource.timezone if resource is not None else "UTC"
    words = REASONS[record.reason]
    return DecisionDetail.model_validate(
        {
            **_decision_fields(stored),
            "title": words.title,
            "explanation": words.text,
            "policy_texts": [policy_view(snapshot, policy) for policy in source.policies],
            "facts": msgspec.json.decode(source.facts),
            "remedies": [remedy_view(remedy, timezone) for remedy in record.remedies],
        }
    )


def _decision_fields(stored: StoredDecision) -> dict[str, object]:
    return {"seq": stored.seq, **msgspec.structs.asdict(stored.record)}


def remedy_view(remedy: Remedy, timezone: str) -> RemedyView:
    """A remedy and its words; moments in `timezone`."""
    return RemedyView.model_validate(
        {**msgspec.structs.asdict(remedy), "text": remedy_text(remedy, timezone)}
    )


def policy_view(snapshot: Snapshot, policy_id: str) -> PolicyView:
    """The policy as it is now; without a text where it is gone."""
    policy = snapshot.policies.get(policy_id)
    if policy is None:
        return PolicyView(id=policy_id, text=None, description="", file="", line=0)
    return PolicyView.model_validate(policy)


def sessions(snapshot: Snapshot, now: UnixSeconds, user: str | None = None) -> list[SessionView]:
    """Live sessions, of `user` or of everyone, newest sign-in first."""
    found = [
        session
        for session in snapshot.sessions.values()
        if session.expires_at > now and user in (None, session.user)
    ]
    found.sort(key=lambda session: session.started_at, reverse=True)
    return [SessionView.model_validate(session) for session in found]


def users(
    snapshot: Snapshot,
    now: UnixSeconds,
    *,
    search: str = "",
    offset: int = 0,
    limit: int | None = None,
) -> tuple[list[UserView], int]:
    """Those whose name, id or address holds `search`, by name; and how many there are in all."""
    live = Counter(s.user for s in snapshot.sessions.values() if s.expires_at > now)
    found = people_of(snapshot).search(search, offset=offset, limit=limit)
    return [_user_view(snapshot, user, live[user.id], now) for user in found.people], found.total


def user_view(snapshot: Snapshot, user: User, now: UnixSeconds) -> UserView:
    """One person."""
    live = sum(s.user == user.id and s.expires_at > now for s in snapshot.sessions.values())
    return _user_view(snapshot, user, live, now)


def _user_view(snapshot: Snapshot, user: User, live: int, now: UnixSeconds) -> UserView:
    standing = standing_at(snapshot.standings.get(user.id), now)
    until = standing.ial_until if standing is not None and standing.ial else None
    return UserView(
        id=user.id,
        name=user.name,
        email=user.email,
        groups=user.groups,
        asserted_groups=standing.groups if standing is not None else (),
        roles=user.roles,
        disabled=standing is not None and standing.disabled,
        risk=standing.risk if standing is not None else 0,
        reason=standing.reason if standing is not None else "",
        sessions=live,
        source=user.source,
        disabled_by=disablers(standing) if standing is not None else (),
        ial=standing.ial if standing is not None else 0,
        ial_until=None if until is None else datetime.fromtimestamp(until, UTC),
        left=standing is not None and standing.left,
    )


def credentials(snapshot: Snapshot, held: Held, further: Contact | None) -> CredentialsView:
    """By what a person can sign in, and the further address that is told of changes to it."""
    passkeys = tuple(
        PasskeyView.model_validate(
            {
                **msgspec.structs.asdict(passkey),
                "aal": passkey_aal(passkey, snapshot.authenticators),
                "refused": refusal(
                    passkey.aaguid, snapshot.authenticators, attested=passkey.attested
                ),
            }
        )
        for passkey in held.passkeys
    )
    return CredentialsView(
        passkeys=len(passkeys),
        password=held.password,
        password_off=held.password_off,
        recovery_codes=held.recovery_codes,
        passkey_list=passkeys,
        notice_address=_notice_address(further),
    )


def _notice_address(further: Contact | None) -> NoticeAddressView | None:
    if further is None:
        return None
    confirmed = datetime.fromtimestamp(further.verified_at, UTC)
    return NoticeAddressView(address=further.value, confirmed_at=confirmed)


def recoveries(snapshot: Snapshot, waiting: Sequence[Recovery]) -> list[RecoveryView]:
    """Requests for recovery of people who are still known."""
    return [
        RecoveryView.model_validate(
            {
                **msgspec.structs.asdict(item),
                "name": snapshot.users[item.user].name,
                "tries_left": MAX_TRIES - item.tries,
            }
        )
        for item in waiting
        if item.user in snapshot.users
    ]


def devices(snapshot: Snapshot, owner: str | None = None) -> list[DeviceView]:
    """Enrolled devices, of `owner` or of everyone, by id."""
    found = [d for d in snapshot.devices.values() if owner in (None, d.owner)]
    return [DeviceView.model_validate(d) for d in sorted(found, key=lambda d: d.id)]


def tokens(snapshot: Snapshot) -> list[TokenView]:
    """Service tokens, the first to expire first."""
    found = sorted(snapshot.service_tokens.values(), key=lambda token: token.expires_at)
    return [TokenView.model_validate(token) for token in found]


def resources(snapshot: Snapshot) -> list[ResourceView]:
    """Everything behind the gateway, by name."""
    found = sorted(snapshot.resources.values(), key=lambda resource: resource.name.casefold())
    return [resource_view(snapshot, resource) for resource in found]


def resource_view(snapshot: Snapshot, resource: Resource) -> ResourceView:
    """One resource, with the policies that name it."""
    label = snapshot.labels.get(resource.label)
    reference = re.compile(rf'\bResource\s*::\s*"{re.escape(resource.id)}"')
    return ResourceView(
        id=resource.id,
        name=resource.name,
        host=resource.host,
        upstream=resource.upstream,
        label=label.name if label is not None else resource.label,
        sensitivity=label.sensitivity if label is not None else 0,
        owner=resource.owner,
        protocol=resource.protocol,
        timezone=resource.timezone,
        description=resource.description,
        rules=tuple(ActionRuleView.model_validate(rule) for rule in resource.rules),
        policies=tuple(p.id for p in snapshot.policies.values() if reference.search(p.text)),
    )


def status_view(
    snapshot: Snapshot,
    gateways: Sequence[GatewayState],
    now: UnixSeconds,
    version: str,
    *,
    passwords: str,
) -> StatusView:
    """The health of all, and in `problems` each thing that is not as it should be.

    `passwords` is what keeps new ones from being checked, empty where nothing does.
    """
    problems = [] if gateways else ["no gateway is connected"]
    problems += [f"no password can be set: {passwords}"] if passwords else []
    for gateway in gateways:
        if gateway.applied < snapshot.number:
            problems.append(
                f"gateway {gateway.id} enforces snapshot {gateway.applied}, not {snapshot.number}"
            )
        problems.extend(
            f"gateway {gateway.id}: {part}: {state}"
            for part, state in sorted(gateway.parts.items())
            if state != "ok"
        )
    return StatusView.model_validate(
        {
            "ok": not problems,
            "version": version,
            "snapshot": snapshot.number,
            "at": now,
            "gateways": [GatewayView.model_validate(gateway) for gateway in gateways],
            "problems": problems,
        }
    )
