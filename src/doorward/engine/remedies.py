"""What a denied subject could do to be let in, found by asking again with each remedy granted.

The answer is the least set: no smaller one turns the denial, and among sets of one size the one
that comes first in the order step-up, multi-factor, phishing-resistant, hardware-key, identity,
device, network, wait.
Remedies that no policy of the slice could notice are not tried. The owner is named where no set
turns a mere absence of permits; a forbid that nothing turns has no remedy.

What granting means:

- `step-up`: the person has just authenticated again, by the same means.
- `multi-factor`: has just authenticated by password and TOTP as well.
- `phishing-resistant`: has just authenticated by a passkey as well, which is multi-factor too.
- `hardware-key`: by a passkey that its hardware keeps, which reaches AAL 3.
- `verify-identity`: the person's identity is proofed to IAL 2, the most that doorward records.
- `enrol-device`: the request comes from a device of the person's own, its health unknown.
- `repair-device`: the device is healthy, passes every compliance policy, and its risk is 0.
- `attest-device`: a TPM of a trusted maker keeps the device's key.
- `network`: the request comes from the first host address of that network.
- `wait`: it is that moment; a sign-in that has ended by then was made anew, by the same means.

Bounds for one denial: `MAX_QUESTIONS` asked, `MAX_NETWORKS` tried, `MAX_WAIT_SECONDS` ahead.
`wait` is not tried where a policy does more with `minute_of_day` than compare it with numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal
from zoneinfo import ZoneInfo

from doorward.engine.calendar import moments_ahead
from doorward.engine.facts import (
    Facts,
    Origin,
    Question,
    area_context,
    base_entities,
    device_attributes,
    entity,
    mentions,
    named_entities,
    origin_entity,
    origin_uid,
    question,
    session_attributes,
    uid_json,
)
from doorward.engine.moments import authentication_age, wall_minute
from doorward.engine.prepared import PreparedSnapshot, literals_of
from doorward.errors import DoorwardError
from doorward.model.decision import ReasonCode, Remedy
from doorward.model.device import Device
from doorward.model.estate import Action
from doorward.model.ids import ComplianceId, NetworkId, UnixSeconds
from doorward.model.snapshot import Snapshot
from doorward.policy import EntitySet, Slice, entity_set, evaluate

MAX_QUESTIONS = 512
MAX_NETWORKS = 8
MAX_WAIT_SECONDS = 7 * 86_400
_ENROLLED = "to-be-enrolled"

PROOFED = 2
"""The identity assurance level that `verify-identity` stands for."""

_Authentication = Literal["step-up", "multi-factor", "phishing-resistant", "hardware-key"]
_DeviceState = tuple[Literal["enrol-device", "repair-device", "attest-device"], ...]


def _with_methods(session: dict[str, Any], aal: int, *methods: str) -> dict[str, Any]:
    return {
        "aal": max(aal, session["aal"]),
        "multi_factor": True,
        "methods": sorted({*session["methods"], *methods}),
    }


_AUTHENTICATIONS: dict[_Authentication | None, Callable[[dict[str, Any]], dict[str, Any]]] = {
    None: lambda _: {},
    "step-up": lambda _: {},
    "multi-factor": lambda session: _with_methods(session, 2, "password", "totp"),
    "phishing-resistant": lambda session: (
        _with_methods(session, 2, "passkey") | {"phishing_resistant": True}
    ),
    "hardware-key": lambda session: (
        _with_methods(session, 3, "passkey") | {"phishing_resistant": True}
    ),
}
"""What each way to authenticate again changes in the session that policies see."""


@dataclass(frozen=True, slots=True)
class _Grant:
    """One set of remedies."""

    authentication: _Authentication | None
    identity: bool
    device: _DeviceState
    network: NetworkId | None
    wait: bool

    def size(self) -> int:
        return (
            (self.authentication is not None)
            + self.identity
            + len(self.device)
            + bool(self.network)
            + self.wait
        )


def find_remedies(
    prepared: PreparedSnapshot,
    facts: Facts,
    action: Action,
    reason: ReasonCode,
    zone: ZoneInfo,
    now: UnixSeconds,
) -> tuple[Remedy, ...]:
    """The least set of remedies that turns the denial; remembered for as long as facts hold."""
    session = facts.documents.session
    age = None if session is None else authentication_age(session.authenticated_at, now)[0]
    key = (wall_minute(zone, now).start, age)
    remembered = facts.remedies.get(action)
    if remembered is not None and remembered[0] == key:
        return remembered[1]
    search = _Search(prepared, facts, action, zone, now)
    found = search.least()
    if not found and reason == "no-policy-permits":
        found = (Remedy(kind="ask-access", target=facts.documents.resource.owner),)
    facts.remedies[action] = (key, found)
    return found


class _Search:
    """The questions of one denial."""

    def __init__(
        self,
        prepared: PreparedSnapshot,
        facts: Facts,
        action: Action,
        zone: ZoneInfo,
        now: UnixSeconds,
    ) -> None:
        self._prepared = prepared
        self._facts = facts
        self._action = action
        self._zone = zone
        self._now = now
        self._asked_of: Question = facts.questions[action]
        self._slice: Slice = self._asked_of.policies
        self._compliances = _compliances(prepared.snapshot, facts.documents.device)
        self._networks = self._network_options()
        self._moments = self._wait_options()
        self._entities: dict[tuple[_DeviceState, bool], EntitySet] = {}
        self._asked = 0

    def least(self) -> tuple[Remedy, ...]:
        grants = sorted(self._grants(), key=_Grant.size)
        try:
            for grant in grants:
                moments = self._moments if grant.wait else (self._now,)
                self._asked += len(moments)
                if self._asked > MAX_QUESTIONS:
                    break
                turned = self._turns(grant, moments)
                if turned is not None:
                    return _named(grant, turned)
        except DoorwardError:
            return ()
        return ()

    def _grants(self) -> Iterator[_Grant]:
        options = product(
            self._authentication_options(),
            self._identity_options(),
            self._device_options(),
            (None, *self._networks),
            (False, True) if self._moments else (False,),
        )
        for option in options:
            grant = _Grant(*option)
            if grant.size():
                yield grant

    def _mentions(self, *attributes: str) -> bool:
        return mentions(self._slice, *attributes)

    def _authentication_options(self) -> Iterator[_Authentication | None]:
        session = self._facts.documents.session
        yield None
        if session is None:
            return
        if self._mentions("authentication_age_minutes"):
            yield "step-up"
        if self._mentions("methods", "multi_factor", "aal"):
            yield "multi-factor"
        if self._mentions("methods", "phishing_resistant"):
            yield "phishing-resistant"
        if self._mentions("aal"):
            yield "hardware-key"

    def _identity_options(self) -> tuple[bool, ...]:
        documents = self._facts.documents
        proofed = documents.standing.ial if documents.standing is not None else 0
        asked = documents.session is not None and self._mentions("ial")
        return (False, True) if asked and proofed < PROOFED else (False,)

    def _device_options(self) -> Iterator[_DeviceState]:
        device = self._facts.documents.device
        yield ()
        if self._facts.documents.session is None or not self._mentions("device"):
            return
        attests = self._mentions("attested") and not (device is not None and device.attested)
        enrolled: _DeviceState = () if device is not None else ("enrol-device",)
        if enrolled:
            yield enrolled
        if device is None or self._repairable(device):
            yield (*enrolled, "repair-device")
        if attests:
            yield (*enrolled, "attest-device")
            if device is None or self._repairable(device):
                yield (*enrolled, "repair-device", "attest-device")

    def _repairable(self, device: Device) -> bool:
        missing = self._compliances.difference(device.complies)
        return device.healthy is not True or device.risk > 0 or bool(missing)

    def _network_options(self) -> dict[NetworkId, Origin]:
        table, origin = self._prepared.networks, self._facts.origin
        if not self._mentions("origin"):
            return {}
        named = {NetworkId(name) for kind, name in self._slice.literals if kind == "Network"}
        options: dict[NetworkId, Origin] = {}
        for name in table.names():
            address = table.example(name)
            tried = name in named or self._mentions("address")
            if tried and address is not None and name not in origin.networks:
                options[name] = Origin(address, origin.country, table.containing(address))
            if len(options) == MAX_NETWORKS:
                break
        return options

    def _wait_options(self) -> tuple[int, ...]:
        minutes = self._slice.minutes
        if minutes is None or not self._mentions("minute_of_day", "weekday"):
            return ()
        days = MAX_WAIT_SECONDS if self._mentions("weekday") else 86_400
        return moments_ahead(self._zone, self._now, minutes, days)

    def _turns(self, grant: _Grant, moments: tuple[UnixSeconds, ...]) -> UnixSeconds | None:
        questions = [self._question(grant, moment) for moment in moments]
        verdicts = evaluate(
            self._slice, self._entity_set(grant.device, proofed=grant.identity), questions
        )
        for moment, verdict in zip(moments, verdicts, strict=True):
            if verdict.outcome == "allow":
                return moment
        return None

    def _question(self, grant: _Grant, moment: UnixSeconds) -> dict[str, Any]:
        documents, origin = self._facts.documents, self._facts.origin
        if grant.network is not None:
            origin = self._networks[grant.network]
        context: dict[str, Any] = {
            "origin": uid_json(origin_uid(origin)),
            **area_context(documents.area),
        }
        age: int | None = None
        if documents.session is not None:
            variant = _session_variant(documents.session.id, grant.authentication)
            context["session"] = uid_json(("Session", variant))
            renewed = grant.authentication is not None or moment >= documents.session.expires_at
            since = moment if renewed else documents.session.authenticated_at
            age = authentication_age(since, moment)[0]
        if documents.device is not None:
            context["device"] = uid_json(("Device", documents.device.id))
        elif grant.device:
            context["device"] = uid_json(("Device", _ENROLLED))
        request = self._asked_of.request
        asked = question(
            self._slice,
            (request["principal"]["type"], request["principal"]["id"]),
            self._action,
            (request["resource"]["type"], request["resource"]["id"]),
            context,
        )
        return asked.at(wall_minute(self._zone, moment), age)

    def _entity_set(self, state: _DeviceState, *, proofed: bool) -> EntitySet:
        """All variants of session and origin, with device and person in one state."""
        found = self._entities.get((state, proofed))
        if found is not None:
            return found
        documents, snapshot = self._facts.documents, self._prepared.snapshot
        literals = literals_of(self._facts)
        entities = named_entities(literals, snapshot) | base_entities(documents, snapshot)
        if proofed:
            entities["User", documents.subject.id]["attrs"]["ial"] = PROOFED
        for origin in (self._facts.origin, *self._networks.values()):
            entities[origin_uid(origin)] = origin_entity(origin)
        if documents.session is not None:
            attributes = session_attributes(documents.session)
            for kind, changes in _AUTHENTICATIONS.items():
                uid = ("Session", _session_variant(documents.session.id, kind))
                entities[uid] = entity(uid, attributes | changes(attributes))
        owner = {"owner": uid_json(("User", documents.subject.id))}
        repaired: dict[str, Any] = {"complies": []} if documents.device is None else {}
        if "repair-device" in state:
            had = () if documents.device is None else documents.device.complies
            passed = sorted(self._compliances.union(had))
            repaired = {"healthy": True, "risk": 0, "complies": passed}
        if "attest-device" in state:
            repaired["attested"] = True
        if documents.device is not None:
            uid = ("Device", documents.device.id)
            entities[uid] = entity(uid, device_attributes(documents.device) | repaired)
        elif state:
            uid = ("Device", _ENROLLED)
            entities[uid] = entity(uid, owner | {"risk": 0, "attested": False} | repaired)
        found = self._entities[state, proofed] = entity_set(list(entities.values()))
        return found


def _compliances(snapshot: Snapshot, device: Device | None) -> frozenset[ComplianceId]:
    """The compliance policies that the device could come to pass: those for its platform."""
    return frozenset(
        item.id
        for item in snapshot.compliances.values()
        if device is None or not item.platforms or device.platform in item.platforms
    )


def _session_variant(session_id: str, authentication: _Authentication | None) -> str:
    return session_id if authentication in {None, "step-up"} else f"{session_id}/{authentication}"


def _named(grant: _Grant, moment: UnixSeconds) -> tuple[Remedy, ...]:
    found: list[Remedy] = []
    if grant.authentication is not None:
        found.append(Remedy(kind=grant.authentication))
    if grant.identity:
        found.append(Remedy(kind="verify-identity"))
    found += [Remedy(kind=kind) for kind in grant.device]
    if grant.network is not None:
        found.append(Remedy(kind="network", target=grant.network))
    if grant.wait:
        found.append(Remedy(kind="wait", until=moment))
    return tuple(found)
