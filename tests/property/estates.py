"""Random small estates for the engine's properties."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from hypothesis import strategies as st

from doorward.model.compliance import Compliance
from doorward.model.decision import AccessRequest
from doorward.model.device import ClientCertificate, Device
from doorward.model.estate import Group, Label, Network, Resource, Role, Service, User
from doorward.model.identity import ServiceToken, Session, Standing
from doorward.model.snapshot import Snapshot
from doorward.policy import parse_policies
from tests.fakes.certificates import certificate, key_of, workload_certificate

NOW = 1_790_000_000.0
ZONES = ("UTC", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kathmandu", "America/St_Johns")
USERS = ("alice", "bob", "carol")
GROUPS = ("staff", "payroll", "admins")

PRINCIPALS = (
    "principal",
    "principal is User",
    "principal is Service",
    'principal == User::"alice"',
    'principal == Service::"robot"',
    'principal in Group::"staff"',
    'principal in Group::"admins"',
    'principal in Role::"auditor"',
    'principal is User in Group::"payroll"',
)
ACTIONS = (
    "action",
    'action == Action::"read"',
    'action == Action::"write"',
    'action in [Action::"read", Action::"write"]',
)
RESOURCES = (
    "resource",
    "resource is Resource",
    'resource == Resource::"wiki"',
    'resource in Label::"secret"',
    'resource is Resource in Label::"public"',
)
CONDITIONS = (
    "context has session.multi_factor && context.session.multi_factor",
    "context has session.phishing_resistant && context.session.phishing_resistant",
    'context has session.methods && context.session.methods.contains("passkey")',
    "context has session.aal && context.session.aal >= 2",
    "context has session.aal && context.session.aal >= 3",
    "context has session.risk && context.session.risk < 50",
    "context has authentication_age_minutes && context.authentication_age_minutes < 15",
    "context has device",
    "context has device.healthy && context.device.healthy",
    "context has device.risk && context.device.risk < 50",
    "context has device.attested && context.device.attested",
    'context has device.complies && context.device.complies.contains("workstation")',
    'context.origin in Network::"office"',
    'context.origin has country && context.origin.country == "DE"',
    'context.origin.address.isInRange(ip("10.0.0.0/8"))',
    "context.minute_of_day >= 480 && context.minute_of_day < 1080",
    "context.weekday <= 5",
    "[6, 7].contains(context.weekday)",
    "principal is User && principal.risk < 50",
    "principal is User && principal.ial >= 1",
    "principal is User && principal.ial >= 2",
    "resource.owner.ial >= 1",
    "resource.sensitivity <= 50",
    "resource.owner == principal",
    'resource.owner in Group::"payroll"',
    'resource.label == Label::"secret"',
    'Resource::"ledger".owner in Group::"payroll"',
    'Resource::"ledger".owner.risk < 50',
    'Resource::"ledger".label.sensitivity > 50',
    'Device::"laptop".owner in Group::"staff"',
    'resource.sensitivity >= Label::"secret".sensitivity',
)


@st.composite
def policy_texts(draw: st.DrawFn) -> str:
    texts = []
    for number in range(draw(st.integers(1, 8))):
        effect = draw(st.sampled_from(("permit", "permit", "permit", "forbid")))
        scope = ", ".join(draw(st.sampled_from(part)) for part in (PRINCIPALS, ACTIONS, RESOURCES))
        wanted = draw(st.lists(st.sampled_from(CONDITIONS), max_size=3, unique=True))
        kind = draw(st.sampled_from(("when", "when", "unless")))
        body = " && ".join(f"({item})" for item in wanted)
        clause = f" {kind} {{ {body} }}" if wanted else ""
        texts.append(f'@id("p{number}") {effect}({scope}){clause};')
    return "\n".join(texts)


Built = TypeVar("Built")


def built(kind: type[Built], /, **fields: object) -> Built:
    """A value of the model, its ids from plain text."""
    return msgspec.convert(fields, kind)


POLICY_TEXTS = policy_texts()


@st.composite
def snapshots(draw: st.DrawFn, policies: st.SearchStrategy[str] = POLICY_TEXTS) -> Snapshot:
    risks = st.sampled_from((-5, 0, 49, 50, 100, 2**63))
    groups = {
        name: built(
            Group,
            id=name,
            name=name,
            parents=tuple(draw(st.lists(st.sampled_from(GROUPS), max_size=2))),
        )
        for name in GROUPS
    }
    memberships = st.lists(st.sampled_from(GROUPS), max_size=2).map(tuple)
    users = {
        name: built(
            User,
            id=name,
            name=name.title(),
            email=f"{name}@example.com",
            groups=draw(memberships),
            roles=draw(st.sampled_from(((), ("auditor",)))),
        )
        for name in USERS
    }
    methods, strong = draw(
        st.sampled_from((((("password",)), False), (("passkey",), True), (("totp",), False)))
    )
    session = built(
        Session,
        id="s1",
        user="alice",
        started_at=NOW - 7_200,
        expires_at=NOW + draw(st.sampled_from((0.5, 61.0, 36_000.0))),
        authenticated_at=NOW - draw(st.sampled_from((-30.0, 0.25, 59.5, 899.5, 3_600.0))),
        methods=methods,
        phishing_resistant=strong,
        multi_factor=draw(st.booleans()) or strong,
        aal=draw(st.sampled_from((1, 2, 3))),
        address="10.0.0.1",
        risk=draw(risks),
        device=draw(st.sampled_from(("", "", "", "laptop"))),
    )
    devices: dict[str, Any] = {
        "laptop": built(
            Device,
            id="laptop",
            owner=draw(st.sampled_from(("alice", "alice", "bob"))),
            key=key_of("laptop"),
            complies=draw(st.sampled_from(((), ("workstation",)))),
            attested=draw(st.booleans()),
            suspended=draw(st.sampled_from(("", "", "", "cloned"))),
            platform=draw(st.sampled_from(("linux", "windows"))),
            healthy=draw(st.sampled_from((None, True, False))),
            risk=draw(risks),
        )
    }
    resources = {
        name: built(
            Resource,
            id=name,
            name=name,
            host=name,
            upstream="http://127.0.0.1:1",
            label=label,
            owner=draw(st.sampled_from(USERS)),
            timezone=draw(st.sampled_from(ZONES)),
        )
        for name, label in (("wiki", "public"), ("ledger", "secret"), ("odd", "no-such-label"))
    }
    labels = {
        "public": built(Label, id="public", name="", sensitivity=0),
        "secret": built(Label, id="secret", name="", sensitivity=80),
    }
    robot = built(
        Service,
        id="robot",
        name="",
        groups=draw(memberships),
        hosts=draw(st.sampled_from(((), ("laptop",), ("phone", "laptop")))),
    )
    token = built(
        ServiceToken,
        id="t1",
        service="robot",
        secret_hash="",
        resources=("wiki", "ledger"),
        issued_at=NOW - 60,
        expires_at=NOW + 30,
    )
    return Snapshot(
        number=1,
        groups=groups,
        roles={"auditor": built(Role, id="auditor", name="")},
        users=users,
        services={"robot": robot},
        labels=labels,
        networks={
            "office": built(Network, id="office", name="", ranges=("10.1.0.0/16", "fd00::/8"))
        },
        resources=resources,
        policies={item.id: item for item in parse_policies(draw(policies), "random.cedar")},
        sessions={"s1": session},
        service_tokens={"t1": token},
        standings={
            "alice": built(
                Standing,
                id="alice",
                risk=draw(risks),
                ial=draw(st.sampled_from((0, 1, 2))),
                ial_until=NOW + draw(st.sampled_from((-1.0, 0.0, 30.0, 1e6))),
                groups=draw(memberships),
            )
        },
        devices=devices,
        compliances={
            "workstation": built(
                Compliance, id="workstation", name="", checks=(), platforms=("linux",)
            )
        },
    )


CERTIFICATES = (
    None,
    certificate("laptop"),
    certificate("laptop"),
    certificate("laptop", ends_at=NOW + 30),
    certificate("laptop", ends_at=NOW),
    certificate("laptop", "ab" * 32),
    certificate("phone"),
    workload_certificate("robot", "laptop"),
    workload_certificate("robot", "laptop"),
    workload_certificate("robot", "laptop", ends_at=NOW + 30),
    workload_certificate("robot", "laptop", ends_at=NOW),
    workload_certificate("robot", "laptop", "ab" * 32),
    workload_certificate("robot", "phone"),
    workload_certificate("ghost", "laptop"),
    built(ClientCertificate, thumbprint="ab" * 32, uri="doorward:device:laptop", ends_at=NOW + 99),
)


@st.composite
def requests(draw: st.DrawFn) -> AccessRequest:
    credentials = draw(
        st.sampled_from(({"session": "s1"}, {"session": "s1"}, {"service_token": "t1"}, {}, {}))
    )
    return built(
        AccessRequest,
        resource=draw(st.sampled_from(("wiki", "ledger", "odd", "missing"))),
        action=draw(st.sampled_from(("read", "write"))),
        address=draw(st.sampled_from(("10.1.2.3", "10.9.9.9", "192.0.2.1", "fd00::1", "nowhere"))),
        country=draw(st.sampled_from((None, "DE", "FR"))),
        certificate=draw(st.sampled_from(CERTIFICATES)),
        **credentials,
    )
