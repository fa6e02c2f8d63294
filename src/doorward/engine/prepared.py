"""A snapshot made ready for deciding: compiled policies, parsed networks, remembered facts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal
from zoneinfo import ZoneInfo

from doorward.engine.facts import (
    ACTIONS,
    Documents,
    Facts,
    Origin,
    area_context,
    base_entities,
    describe,
    device_attributes,
    entity,
    named_documents,
    named_entities,
    origin_entity,
    origin_uid,
    principal_node,
    question,
    resource_node,
    session_attributes,
    uid_json,
)
from doorward.engine.networks import NetworkTable, Place
from doorward.model.areas import AREAS, NO_AREA, Area
from doorward.model.estate import CONTROL_UPSTREAM, Action, Resource
from doorward.model.ids import NetworkId, UnixSeconds
from doorward.model.snapshot import Snapshot
from doorward.policy import Bundle, Slice, Uid, compile_bundle, entity_set

_MAX_FACTS = 16_384


@dataclass(frozen=True, slots=True)
class PreparedSnapshot:
    """A snapshot, its compiled policies, and the moment from which it must not be used."""

    snapshot: Snapshot
    expires_at: UnixSeconds
    bundle: Bundle
    networks: NetworkTable
    zones: Mapping[str, ZoneInfo]
    _facts: dict[tuple[object, ...], Facts]

    def with_expiry(self, expires_at: UnixSeconds) -> PreparedSnapshot:
        """The same, valid until `expires_at`; shares every cache. For heartbeats."""
        return replace(self, expires_at=expires_at)

    def networks_of(self, address: str) -> tuple[NetworkId, ...]:
        """The named networks that contain `address`, sorted; none for a malformed address."""
        place = self.networks.place(address)
        return () if place is None else place.networks

    def areas_of(self, resource: Resource) -> tuple[Area | Literal[""], ...]:
        """Each area of the console that policies may answer differently for; elsewhere none."""
        if resource.upstream != CONTROL_UPSTREAM:
            return (NO_AREA,)
        return AREAS if "Area" in self.bundle.named_kinds else AREAS[:1]

    def facts(self, documents: Documents, place: Place, country: str | None) -> Facts:
        """What policies see, time aside. Raises DoorwardError `policy-error`."""
        session, device = documents.session, documents.device
        key = (
            documents.subject.id if session is None else session.id,
            session is None,
            device and device.id,
            documents.resource.id,
            documents.area,
            id(place),
            country,
        )
        found = self._facts.get(key)
        if (
            found is not None
            and found.place is place
            and found.documents == documents
            and (not found.named or found.named == self._named(found))
            and self._has_slices_of(found)
        ):
            return found
        found = _gather(self, documents, place, country)
        while len(self._facts) >= _MAX_FACTS:
            self._facts.pop(next(iter(self._facts)), None)
        self._facts[key] = found
        return found

    def _has_slices_of(self, facts: Facts) -> bool:
        """Whether these policies say about `facts` just what those said that it was gathered by."""
        if facts.compilation is not self.bundle.compilation:
            slices = self._slices(facts.documents)
            if any(facts.questions[action].policies is not slices[action] for action in slices):
                return False
            facts.compilation = self.bundle.compilation
        return True

    def _slices(self, documents: Documents) -> dict[Action, Slice]:
        principal = principal_node(documents.subject, documents.standing, self.snapshot.groups)
        resource = resource_node(documents.resource)
        return {
            action: self.bundle.slice(principal, node, resource) for action, node in ACTIONS.items()
        }

    def _named(self, facts: Facts) -> tuple[object, ...]:
        return named_documents(literals_of(facts), self.snapshot)


def prepare(
    snapshot: Snapshot,
    previous: PreparedSnapshot | None = None,
    *,
    expires_at: UnixSeconds,
) -> PreparedSnapshot:
    """Make `snapshot` ready, reusing what `previous` computed where nothing it rests on changed.

    Compiles the policies that changed (some 0.3 ms each): call it off the request path.
    `expires_at` is the moment from which every answer is a denial; `math.inf` for never.
    Raises DoorwardError `policy-invalid` where a policy is not one that `validate` accepts.
    """
    before = previous.snapshot if previous is not None else None
    bundle = previous.bundle if previous is not None else None
    networks = previous.networks if previous is not None else None
    facts = previous._facts if previous is not None else {}  # noqa: SLF001 - its own kind
    if bundle is None or before is None or before.policies != snapshot.policies:
        ordered = sorted(snapshot.policies.values(), key=lambda policy: policy.id)
        bundle = compile_bundle(ordered, bundle)
    if networks is None or before is None or before.networks != snapshot.networks:
        networks = NetworkTable(snapshot.networks)
        facts = {}
    if before is None or before.groups != snapshot.groups:
        facts = {}
    if before is None or before.compliances != snapshot.compliances:
        facts = {}  # remembered remedies speak of them
    names = {resource.timezone for resource in snapshot.resources.values()}
    zones = {name: zone for name in names if (zone := _zone(name)) is not None}
    return PreparedSnapshot(snapshot, expires_at, bundle, networks, zones, facts)


def literals_of(facts: Facts) -> tuple[Uid, ...]:
    """The entities that conditions about this subject and resource name, sorted."""
    return _literals(question.policies for question in facts.questions.values())


def _literals(slices: Iterable[Slice]) -> tuple[Uid, ...]:
    return tuple(sorted(frozenset[Uid]().union(*(item.literals for item in slices))))


def _gather(
    prepared: PreparedSnapshot, documents: Documents, place: Place, country: str | None
) -> Facts:
    snapshot, session, device = prepared.snapshot, documents.session, documents.device
    principal = principal_node(documents.subject, documents.standing, snapshot.groups)
    resource = resource_node(documents.resource)
    origin = Origin(place.address, country, place.networks)
    slices = prepared._slices(documents)  # noqa: SLF001
    literals = _literals(slices.values())
    entities = named_entities(literals, snapshot) | base_entities(documents, snapshot)
    context: dict[str, Any] = {
        "origin": uid_json(origin_uid(origin)),
        **area_context(documents.area),
    }
    if session is not None:
        entities["Session", session.id] = entity(
            ("Session", session.id), session_attributes(session)
        )
        context["session"] = uid_json(("Session", session.id))
    if device is not None:
        entities["Device", device.id] = entity(("Device", device.id), device_attributes(device))
        context["device"] = uid_json(("Device", device.id))
    described = describe(documents, origin, entities)
    entities[origin_uid(origin)] = origin_entity(origin)
    return Facts(
        compilation=prepared.bundle.compilation,
        documents=documents,
        place=place,
        origin=origin,
        named=named_documents(literals, snapshot),
        questions={
            action: question(policies, principal.uid, action, resource.uid, context)
            for action, policies in slices.items()
        },
        entities=entity_set(list(entities.values())),
        described=described,
    )


def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None
