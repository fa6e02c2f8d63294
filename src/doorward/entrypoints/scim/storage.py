"""The directory as a storage of `scim2-server`: where its protocol meets our use cases.

One storage serves one request of one actor. Models of the library are made where it has to work
on them; answers are rendered from the entries (`documents`), which is far cheaper.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any

import msgspec
from scim2_models import (
    Context,
    Meta,
    NotFoundException,
    Resource,
    ResourceType,
    ResponseParameters,
    SearchRequest,
)
from scim2_server.service import ScimService
from scim2_server.storage import AsyncScimStorage, SearchPage

from doorward.administrator.control_plane import Act
from doorward.administrator.directory.entries import Entry, EntryKind, Member
from doorward.administrator.directory.ports import Page
from doorward.administrator.provisioning import provision_group, provision_person
from doorward.administrator.provisioning.written import Written
from doorward.entrypoints.scim import searching
from doorward.entrypoints.scim.context import ScimContext
from doorward.entrypoints.scim.documents import (
    KINDS,
    MEMBERSHIPS,
    NAMES,
    Document,
    body_of,
    details_of,
    document_of,
    etag,
    member_ids,
    rendered,
    version_of,
)
from doorward.entrypoints.scim.errors import told
from doorward.model.ids import is_id


class DirectoryStorage(AsyncScimStorage):
    """Port of `scim2-server`. `number` is the newest snapshot that this request made, or 0."""

    def __init__(self, service: ScimService, context: ScimContext, act: Act) -> None:
        self._service = service
        self._context = context
        self._act = act
        self.number = 0

    async def get(
        self,
        resource_type: ResourceType,
        resource_id: str,
        *,
        response_parameters: ResponseParameters[Any] | None = None,
    ) -> Resource[Any]:
        del response_parameters
        entry = await self.entry(resource_type, resource_id)
        listed = await self.listed([entry])
        return await asyncio.to_thread(self._model, entry, listed.get(entry.id, ()))

    async def search(
        self,
        resource_types: list[ResourceType],
        search_request: SearchRequest[Any],
        *,
        position: object = None,
    ) -> SearchPage:
        del position
        page = await self.find(resource_types, search_request, MEMBERSHIPS)
        models = [self._model(entry, page.listed.get(entry.id, ())) for entry in page.entries]
        return SearchPage(page.total, models)

    async def create(self, resource_type: ResourceType, resource: Resource[Any]) -> Resource[Any]:
        entry = await self.add(resource_type, resource)
        return await self.get(resource_type, entry.id)

    async def update(
        self,
        resource_type: ResourceType,
        resource: Resource[Any],
        *,
        expected_version: str | None = None,
    ) -> Resource[Any]:
        entry = await self.change(resource_type, resource, expected_version)
        return await self.get(resource_type, entry.id)

    async def delete(
        self,
        resource_type: ResourceType,
        resource_id: str,
        *,
        expected_version: str | None = None,
    ) -> None:
        control, act, version = self._context.control, self._act, version_of(expected_version)
        with told():
            if kind_of(resource_type) == "user":
                self.number = await provision_person.deprovision_person(
                    control, act, resource_id, version
                )
            else:
                self.number = await provision_group.deprovision_group(
                    control, act, resource_id, version
                )

    async def entry(self, resource_type: ResourceType, resource_id: str) -> Entry:
        """The entry of a resource. Raises NotFoundException."""
        entry = None
        if is_id(resource_id):  # What cannot be one may be a text that no database takes.
            with told():
                entry = await self._context.directory.get(kind_of(resource_type), resource_id)
        if entry is None:
            raise NotFoundException(detail=f"{resource_type.name} {resource_id!r} not found")
        return entry

    async def find(
        self,
        resource_types: list[ResourceType],
        search_request: SearchRequest[Any],
        listing: Collection[EntryKind],
    ) -> Page:
        """A page of what a search asks for, with the memberships of entries of these kinds.

        Raises InvalidFilterException and TooManyException.
        """
        models = {kind_of(item): self._service.get_model(item) for item in resource_types}

        async def modelled(
            entries: Sequence[Entry],
        ) -> Callable[[], Sequence[Resource[Any]]]:
            listed = await self.listed(entries) if _asks_for_memberships(search_request) else {}
            return lambda: [self._model(entry, listed.get(entry.id, ())) for entry in entries]

        with told():
            return await searching.find(
                self._context.directory,
                models,
                search_request,
                frozenset(listing),
                modelled,
                partial(self._context.turns.turn, self._act.actor),
                partial(self._context.lookups.turn, self._act.actor),
            )

    async def add(self, resource_type: ResourceType, resource: Resource[Any]) -> Entry:
        """Provision the resource."""
        control, act = self._context.control, self._act
        kind = kind_of(resource_type)
        document = await asyncio.to_thread(_dumped, resource)
        body, details = body_of(document), details_of(document)
        with told():
            if kind == "user":
                written = await provision_person.provision_person(control, act, body, details)
            else:
                members = member_ids(document)
                written = await provision_group.provision_group(
                    control, act, body, details, members
                )
        return self._noted(written)

    async def change(
        self, resource_type: ResourceType, resource: Resource[Any], expected: str | None
    ) -> Entry:
        """Make the stored resource what `resource` is; where it is so already, nothing happens."""
        control, act, version = self._context.control, self._act, version_of(expected)
        kind, resource_id = kind_of(resource_type), str(resource.id)
        document = await asyncio.to_thread(_dumped, resource)
        body, details, members = body_of(document), details_of(document), member_ids(document)
        stored = await self.entry(resource_type, resource_id)
        if stored.body == body and version in {None, stored.version}:
            inside = await self._inside(stored) if kind == "group" else set()
            if inside == set(members):
                return stored
        with told():
            if kind == "user":
                written = await provision_person.change_person(
                    control, act, resource_id, body, details, version
                )
            else:
                written = await provision_group.change_group(
                    control, act, resource_id, body, details, members, version
                )
        return self._noted(written)

    async def change_members(
        self, entry: Entry, added: Collection[str], removed: Collection[str], *, pinned: bool
    ) -> Entry:
        """Put `added` into a group and take `removed` out; `pinned` to the entry's version."""
        with told():
            written = await provision_group.change_members(
                self._context.control,
                self._act,
                entry.id,
                added,
                removed,
                entry.version if pinned else None,
            )
        return self._noted(written)

    async def inside(self, entry: Entry) -> set[str]:
        """The ids of those who are in a group."""
        with told():
            return await self._inside(entry)

    async def listed(self, entries: Collection[Entry]) -> Mapping[str, Sequence[Member]]:
        """The members of each group among `entries`, and the groups of each person."""
        directory = self._context.directory
        with told():
            return {
                **await directory.memberships([e.id for e in entries if e.kind == "user"]),
                **await directory.members([e.id for e in entries if e.kind == "group"]),
            }

    def document(self, entry: Entry, listed: Sequence[Member], base_url: str) -> Document:
        """The resource as it is answered."""
        return document_of(entry, listed, self._context.control.live.current.groups, base_url)

    def rendered(self, entry: Entry, listed: Sequence[Member], base_url: str) -> msgspec.Raw:
        """The JSON of `document`, for a tenth of what making and writing it takes."""
        return rendered(entry, listed, self._context.control.live.current.groups, base_url)

    def head(self, entry: Entry) -> Resource[Any]:
        """A model with the entry's id and version and nothing else, for the log of a bulk."""
        model = self._service.get_model(self._service.get_resource_type(NAMES[entry.kind]))
        meta = Meta(resource_type=NAMES[entry.kind], version=etag(entry.version))
        return model(id=entry.id, meta=meta)

    async def _inside(self, entry: Entry) -> set[str]:
        members = await self._context.directory.members([entry.id])
        return {member.id for member in members.get(entry.id, ())}

    def _model(self, entry: Entry, listed: Sequence[Member]) -> Resource[Any]:
        document = self.document(entry, listed, "")
        del document["meta"]["location"]
        resource_type = self._service.get_resource_type(NAMES[entry.kind])
        return self._service.get_model(resource_type).model_validate(document)

    def _noted(self, written: Written) -> Entry:
        self.number = max(self.number, written.number)
        return written.entry


def _asks_for_memberships(asked: SearchRequest[Any]) -> bool:
    text = f"{asked.filter or ''} {asked.sort_by or ''}".lower()
    return any(name in text for name in MEMBERSHIPS.values())


def kind_of(resource_type: ResourceType) -> EntryKind:
    """What the directory calls resources of this type."""
    return KINDS[str(resource_type.name)]


def _dumped(resource: Resource[Any]) -> Document:
    return resource.model_dump(scim_ctx=Context.RESOURCE_QUERY_RESPONSE, mode="json")
