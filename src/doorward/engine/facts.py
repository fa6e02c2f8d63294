"""What policies see of a request, as Cedar entities and context.

Everything but time is gathered in `Facts`, once for a subject on a resource from one place and
device; it stays good for as long as none of the documents it rests on changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import msgspec

from doorward.engine.moments import Minute
from doorward.engine.networks import Address, Place
from doorward.model.areas import NO_AREA, Area
from doorward.model.decision import Remedy
from doorward.model.device import Device
from doorward.model.estate import Action, Group, Label, Resource, Service, User
from doorward.model.identity import Session, Standing, groups_of
from doorward.model.ids import NetworkId
from doorward.model.snapshot import Snapshot
from doorward.policy import EVERYTHING, EntitySet, Node, Slice, Uid, Verdict, evaluate

MAX_RISK = 100
MAX_LEVEL = 3
"""The highest assurance level of SP 800-63."""
ACTIONS: dict[Action, Node] = {
    "read": Node(("Action", "read")),
    "write": Node(("Action", "write")),
}


class Documents(NamedTuple):
    """The documents that facts rest on, and the area of the console, empty elsewhere.

    `device` is one that belongs to the session's user, or the host of the service that asks.
    """

    subject: User | Service
    standing: Standing | None
    session: Session | None
    device: Device | None
    resource: Resource
    label: Label | None
    owner: User | None
    owner_standing: Standing | None
    area: Area | Literal[""] = NO_AREA


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request comes from: canonical address, country where known, named networks."""

    address: Address
    country: str | None
    networks: tuple[NetworkId, ...]


@dataclass(slots=True)
class Question:
    """What Cedar is asked about one action.

    `context` is a JSON object left open for the facts of time. Optional facts that no policy of
    the slice reads are left out of it: they could not change the answer, and each costs 10 µs.
    `clock` and `ages` say which facts of time the policies read; the last answer stands until one
    of those changes.
    """

    policies: Slice
    request: dict[str, Any]
    context: str
    clock: bool
    ages: bool
    answered: tuple[object, Verdict] | None = None

    def at(self, minute: Minute, age: int | None) -> dict[str, Any]:
        """The Cedar request at that minute."""
        closing = timed(minute, age if self.ages else None)
        return {**self.request, "context": self.context + closing}

    def verdict(self, entities: EntitySet, minute: Minute, age: int | None) -> Verdict:
        """Cedar's answer at that minute, given the entities that the facts hold."""
        read = (
            (minute.minute_of_day, minute.weekday) if self.clock else None,
            age if self.ages else None,
        )
        if self.answered is None or self.answered[0] != read:
            self.answered = (read, evaluate(self.policies, entities, [self.at(minute, age)])[0])
        return self.answered[1]


@dataclass(slots=True)
class Facts:
    """Facts of one subject on one resource, in the forms that Cedar and the log want.

    `named` are the documents of entities that conditions name by id; `described` is a JSON object
    of all facts, left open for those of time. `remedies` remembers those of the last denial of
    each action. `compilation` is that of the bundle in which the questions' slices were last seen.
    """

    compilation: object
    documents: Documents
    place: Place
    origin: Origin
    named: tuple[object, ...]
    questions: dict[Action, Question]
    entities: EntitySet
    described: bytes
    minute: Minute | None = None
    remedies: dict[Action, tuple[object, tuple[Remedy, ...]]] = field(default_factory=dict)


def mentions(policies: Slice, *attributes: str) -> bool:
    """Whether a policy of the slice could read one of these attributes."""
    return EVERYTHING in policies.mentions or not policies.mentions.isdisjoint(attributes)


def question(
    policies: Slice, principal: Uid, action: Action, resource: Uid, context: dict[str, Any]
) -> Question:
    """The question about one action; `context` holds every fact but time."""
    read = {
        name: value
        for name, value in context.items()
        if name == "origin" or mentions(policies, name)
    }
    return Question(
        policies,
        {
            "principal": uid_json(principal),
            "action": uid_json(ACTIONS[action].uid),
            "resource": uid_json(resource),
        },
        msgspec.json.encode(read)[:-1].decode(),
        clock=mentions(policies, "minute_of_day", "weekday"),
        ages=mentions(policies, "authentication_age_minutes"),
    )


def clamp(risk: int) -> int:
    """A risk or sensitivity, forced into 0 to 100."""
    return min(max(risk, 0), MAX_RISK)


def level(assurance: int, lowest: int) -> int:
    """An assurance level, forced into `lowest` to 3."""
    return min(max(assurance, lowest), MAX_LEVEL)


def area_context(area: Area | Literal[""]) -> dict[str, Any]:
    """The area as a fact of the context, absent where there is none."""
    return {"area": uid_json(("Area", area))} if area else {}


def uid_json(uid: Uid) -> dict[str, str]:
    """An entity reference in Cedar's JSON form."""
    return {"type": uid[0], "id": uid[1]}


def ancestors(groups: Mapping[str, Group], direct: tuple[str, ...]) -> frozenset[Uid]:
    """The groups in `direct` and all that contain them; a circle does no harm."""
    found: set[str] = set()
    waiting = list(direct)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            group = groups.get(name)
            waiting.extend(group.parents if group else ())
    return frozenset(("Group", name) for name in found)


def _containers(groups: Mapping[str, Group], name: str) -> frozenset[Uid]:
    """The groups that contain a group, without those on a circle with it: Cedar knows none."""
    return frozenset(
        uid
        for uid in ancestors(groups, (name,))
        if ("Group", name) not in ancestors(groups, (uid[1],))
    )


def principal_node(
    subject: User | Service, standing: Standing | None, groups: Mapping[str, Group]
) -> Node:
    """The subject with its groups and roles."""
    if isinstance(subject, Service):
        return Node(("Service", subject.id), ancestors(groups, subject.groups))
    containers = ancestors(groups, groups_of(subject, standing))
    roles = frozenset(("Role", role) for role in subject.roles)
    return Node(("User", subject.id), containers | roles)


def resource_node(resource: Resource) -> Node:
    """The resource with its label."""
    return Node(("Resource", resource.id), frozenset({("Label", resource.label)}))


def sensitivity(label: Label | None) -> int:
    """A label's sensitivity. An unknown label is as sensitive as can be."""
    return MAX_RISK if label is None else clamp(label.sensitivity)


def standing_risk(standing: Standing | None) -> int:
    """A person's risk, 0 to 100."""
    return 0 if standing is None else clamp(standing.risk)


def entity(
    uid: Uid, attrs: dict[str, Any], parents: frozenset[Uid] = frozenset()
) -> dict[str, Any]:
    """An entity in Cedar's JSON form."""
    return {
        "uid": uid_json(uid),
        "attrs": attrs,
        "parents": [uid_json(parent) for parent in sorted(parents)],
    }


def user_entity(
    user: User, standing: Standing | None, groups: Mapping[str, Group]
) -> dict[str, Any]:
    """A person as policies see one."""
    node = principal_node(user, standing, groups)
    attrs = {
        "email": user.email,
        "name": user.name,
        "risk": standing_risk(standing),
        "ial": 0 if standing is None else level(standing.ial, 0),
    }
    return entity(node.uid, attrs, node.ancestors)


def label_entity(label_id: str, label: Label | None) -> dict[str, Any]:
    """A label as policies see one."""
    return entity(("Label", label_id), {"sensitivity": sensitivity(label)})


def resource_entity(resource: Resource, label: Label | None) -> dict[str, Any]:
    """A resource as policies see one."""
    attrs = {
        "label": uid_json(("Label", resource.label)),
        "sensitivity": sensitivity(label),
        "owner": uid_json(("User", resource.owner)),
    }
    return entity(("Resource", resource.id), attrs, frozenset({("Label", resource.label)}))


def session_attributes(session: Session) -> dict[str, Any]:
    """What policies see of a sign-in."""
    return {
        "methods": sorted(session.methods),
        "phishing_resistant": session.phishing_resistant,
        "multi_factor": session.multi_factor,
        "aal": level(session.aal, 1),
        "risk": clamp(session.risk),
    }


def device_attributes(device: Device) -> dict[str, Any]:
    """What policies see of a device; its health only where it is known."""
    known = {} if device.healthy is None else {"healthy": device.healthy}
    return {
        "owner": uid_json(("User", device.owner)),
        "complies": sorted(device.complies),
        "attested": device.attested,
        "risk": clamp(device.risk),
        **known,
    }


def origin_uid(origin: Origin) -> Uid:
    """An origin's entity id: its address and country."""
    return "Origin", f"{origin.address}/{origin.country or ''}"


def origin_entity(origin: Origin) -> dict[str, Any]:
    """Where the request comes from, as policies see it."""
    attrs = {"address": str(origin.address)}
    if origin.country is not None:
        attrs["country"] = origin.country
    return entity(
        origin_uid(origin), attrs, frozenset(("Network", name) for name in origin.networks)
    )


def base_entities(documents: Documents, snapshot: Snapshot) -> dict[Uid, dict[str, Any]]:
    """Principal, resource, label and owner: what no remedy changes."""
    subject, resource = documents.subject, documents.resource
    found: dict[Uid, dict[str, Any]] = {}
    if documents.owner is not None:
        found["User", resource.owner] = user_entity(
            documents.owner, documents.owner_standing, snapshot.groups
        )
    if isinstance(subject, User):
        found["User", subject.id] = user_entity(subject, documents.standing, snapshot.groups)
    else:
        node = principal_node(subject, None, snapshot.groups)
        found[node.uid] = entity(node.uid, {}, node.ancestors)
    found["Label", resource.label] = label_entity(resource.label, documents.label)
    found["Resource", resource.id] = resource_entity(resource, documents.label)
    return found


def named_documents(literals: tuple[Uid, ...], snapshot: Snapshot) -> tuple[object, ...]:
    """The documents behind entities that conditions name, to notice when one changes."""
    found: list[object] = []
    for kind, name in literals:
        if kind == "User":
            found += _person(name, snapshot)
        elif kind == "Resource" and name in snapshot.resources:
            resource = snapshot.resources[name]
            found += [resource, snapshot.labels.get(resource.label)]
            found += _person(resource.owner, snapshot)
        elif kind == "Label":
            found.append(snapshot.labels.get(name))
        elif kind == "Service":
            found.append(snapshot.services.get(name))
        elif kind == "Device" and name in snapshot.devices:
            found.append(snapshot.devices[name])
            found += _person(snapshot.devices[name].owner, snapshot)
    return tuple(found)


def _person(name: str, snapshot: Snapshot) -> list[object]:
    return [snapshot.users.get(name), snapshot.standings.get(name)]


def named_entities(literals: tuple[Uid, ...], snapshot: Snapshot) -> dict[Uid, dict[str, Any]]:
    """The entities that conditions name by id, and those that these lead to, where they exist.

    A missing entity is in no group, by which a `forbid` about it would let everybody through.
    """
    found: dict[Uid, dict[str, Any]] = {}
    for uid in literals:
        kind, name = uid
        if kind == "User":
            found |= _user_by_name(name, snapshot)
        elif kind == "Service" and name in snapshot.services:
            node = principal_node(snapshot.services[name], None, snapshot.groups)
            found[uid] = entity(uid, {}, node.ancestors)
        elif kind == "Group":
            found[uid] = entity(uid, {}, _containers(snapshot.groups, name))
        elif kind == "Label" and name in snapshot.labels:
            found[uid] = label_entity(name, snapshot.labels[name])
        elif kind == "Resource" and name in snapshot.resources:
            resource = snapshot.resources[name]
            label = snapshot.labels.get(resource.label)
            found[uid] = resource_entity(resource, label)
            found["Label", resource.label] = label_entity(resource.label, label)
            found |= _user_by_name(resource.owner, snapshot)
        elif kind == "Device" and name in snapshot.devices:
            device = snapshot.devices[name]
            found[uid] = entity(uid, device_attributes(device))
            found |= _user_by_name(device.owner, snapshot)
    return found


def _user_by_name(name: str, snapshot: Snapshot) -> dict[Uid, dict[str, Any]]:
    user = snapshot.users.get(name)
    if user is None:
        return {}
    return {("User", name): user_entity(user, snapshot.standings.get(name), snapshot.groups)}


def describe(documents: Documents, origin: Origin, entities: dict[Uid, dict[str, Any]]) -> bytes:
    """The JSON object of these facts for the decision log, left open at its end."""
    resource, session, device = documents.resource, documents.session, documents.device
    kind = "User" if isinstance(documents.subject, User) else "Service"
    principal = entities[kind, documents.subject.id]
    described: dict[str, Any] = {
        "principal": {
            "type": kind,
            "id": documents.subject.id,
            **principal["attrs"],
            "groups": [item["id"] for item in principal["parents"] if item["type"] == "Group"],
            "roles": [item["id"] for item in principal["parents"] if item["type"] == "Role"],
        },
        "resource": {
            "id": resource.id,
            "label": resource.label,
            "sensitivity": sensitivity(documents.label),
            "owner": resource.owner,
        },
        "origin": {
            "address": str(origin.address),
            **({} if origin.country is None else {"country": origin.country}),
            "networks": list(origin.networks),
        },
    }
    if documents.area:
        described["area"] = documents.area
    if session is not None:
        described["session"] = {"id": session.id, **session_attributes(session)}
    if device is not None:
        attributes = device_attributes(device) | {"owner": device.owner}
        described["device"] = {"id": device.id, **attributes}
    return msgspec.json.encode(described)[:-1]


def timed(minute: Minute, age: int | None) -> str:
    """The facts of time as JSON members, to close an object that was left open."""
    known = "" if age is None else f',"authentication_age_minutes":{age}'
    return f',"minute_of_day":{minute.minute_of_day},"weekday":{minute.weekday}{known}}}'
