"""Serving SCIM's operations: as `scim2-server` does, with answers rendered from what is kept.

What is left to the library: routing, reading and checking every message, PATCH and PUT on
resources, conditions, the steps of bulk requests, and what the service says of itself. Messages
may be long: they are read and applied off the loop, so that a revocation does not wait for them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any

from scim2_models import (
    PatchOp,
    PreconditionFailedException,
    Resource,
    ResourceType,
    ResponseParameters,
    SearchRequest,
)
from scim2_server.conditions import Conditions
from scim2_server.handler import AsyncScimHandler
from scim2_server.requests import ScimRequest
from scim2_server.responses import ScimResponse
from scim2_server.routing import Operation, Target
from scim2_server.service import ScimService

from doorward.administrator.directory.entries import Entry, EntryKind
from doorward.administrator.directory.ports import Listed
from doorward.entrypoints.scim.documents import (
    MEMBERSHIPS,
    etag,
    location,
)
from doorward.entrypoints.scim.members import member_change
from doorward.entrypoints.scim.projection import Projection
from doorward.entrypoints.scim.storage import DirectoryStorage, kind_of

_TRIES = 3
_LIST_RESPONSE = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
_SCHEMAS: Mapping[EntryKind, str] = {
    "user": "urn:ietf:params:scim:schemas:core:2.0:User",
    "group": "urn:ietf:params:scim:schemas:core:2.0:Group",
}


class DirectoryHandler(AsyncScimHandler):
    """Serves one request."""

    storage: DirectoryStorage

    def __init__(self, service: ScimService, storage: DirectoryStorage) -> None:
        super().__init__(service, storage)
        self.storage = storage

    async def create(self, request: ScimRequest) -> ScimResponse:
        with self.service.provider:
            _, resource_type = self._routed(request, Operation.create)
            resource = await asyncio.to_thread(
                self.service.read_creation,
                resource_type,
                request.body,
                request.header("Content-Type"),
            )
            entry = await self.storage.add(resource_type, resource)
            answer = await self._answer(request, entry, HTTPStatus.CREATED)
            answer.headers["Location"] = location(entry.kind, entry.id, request.base_url)
            return answer

    async def query(self, request: ScimRequest) -> ScimResponse:
        with self.service.provider:
            target, resource_type = self._routed(request, Operation.query)
            parameters = self.service.read_response_parameters(resource_type, request.query)
            entry = await self.storage.entry(resource_type, str(target.resource_id))
            if not self.service.read_conditions(request).check(etag(entry.version), "GET"):
                headers = {"ETag": etag(entry.version)}
                return ScimResponse(HTTPStatus.NOT_MODIFIED, None, headers)
            return await self._answer(request, entry, HTTPStatus.OK, parameters)

    async def replace(self, request: ScimRequest) -> ScimResponse:
        with self.service.provider:
            target, resource_type = self._routed(request, Operation.replace)
            parameters = self.service.read_response_parameters(resource_type, request.query)
            replacement = await asyncio.to_thread(
                self.service.read_replacement,
                resource_type,
                request.body,
                request.header("Content-Type"),
            )
            conditions = self.service.read_conditions(request)

            async def replaced() -> Entry:
                return await self._replaced(
                    resource_type, str(target.resource_id), replacement, conditions
                )

            entry = await _while_others_write(conditions, replaced)
            return await self._answer(request, entry, HTTPStatus.OK, parameters)

    async def patch(self, request: ScimRequest) -> ScimResponse:
        with self.service.provider:
            target, resource_type = self._routed(request, Operation.patch)
            parameters = self.service.read_response_parameters(resource_type, request.query)
            patch_op = await asyncio.to_thread(
                self.service.read_patch,
                resource_type,
                request.body,
                request.header("Content-Type"),
            )
            conditions = self.service.read_conditions(request)

            async def patched() -> Entry:
                return await self._patched(
                    resource_type, str(target.resource_id), patch_op, conditions
                )

            entry = await _while_others_write(conditions, patched)
            if not parameters.attributes and not parameters.excluded_attributes:
                headers = {"ETag": etag(entry.version)}
                return ScimResponse(HTTPStatus.NO_CONTENT, None, headers)
            return await self._answer(request, entry, HTTPStatus.OK, parameters)

    async def search(self, request: ScimRequest) -> ScimResponse:
        with self.service.provider:
            target = self.service.route(request, Operation.search)
            resource_types = self.service.searched_types(target.endpoint)
            asked, _ = self.service.read_search_query(resource_types, request.query)
            return await self._listing(request, resource_types, asked)

    async def search_with_body(self, request: ScimRequest) -> ScimResponse:
        with self.service.provider:
            target = self.service.route(request, Operation.search_with_body)
            resource_types = self.service.searched_types(target.endpoint)
            asked, _ = self.service.read_search_body(
                resource_types, request.body, request.header("Content-Type")
            )
            return await self._listing(request, resource_types, asked)

    async def bulk(self, request: ScimRequest) -> ScimResponse:
        with self.service.provider:
            self.service.route(request, Operation.bulk)
            plan = await asyncio.to_thread(
                self.service.read_bulk, request.body, request.header("Content-Type")
            )
            for step in plan:
                result, resource = await self.run_bulk_step(request, plan, step)
                plan.record(step, result, resource)
            return self.service.bulk_response(plan)

    async def replace_resource(
        self,
        resource_type: ResourceType,
        current: Resource[Any],
        replacement: Resource[Any],
        conditions: Conditions,
    ) -> Resource[Any]:
        """For an operation of a bulk request, whose answer names a version and no more."""
        entry = await self._replaced(resource_type, str(current.id), replacement, conditions)
        return self.storage.head(entry)

    async def patch_resource(
        self,
        resource_type: ResourceType,
        resource_id: str,
        patch_op: PatchOp[Any],
        conditions: Conditions,
    ) -> Resource[Any]:
        """For an operation of a bulk request, whose answer names a version and no more."""
        return self.storage.head(
            await self._patched(resource_type, resource_id, patch_op, conditions)
        )

    async def delete_resource(
        self, resource_type: ResourceType, resource_id: str, conditions: Conditions
    ) -> None:
        entry = await self.storage.entry(resource_type, resource_id)
        conditions.check(etag(entry.version), "DELETE")
        pinned = etag(entry.version) if conditions.if_match else None
        await self.storage.delete(resource_type, resource_id, expected_version=pinned)

    async def _replaced(
        self,
        resource_type: ResourceType,
        resource_id: str,
        replacement: Resource[Any],
        conditions: Conditions,
    ) -> Entry:
        current = await self.storage.get(resource_type, resource_id)
        replaced = await asyncio.to_thread(
            self.service.apply_replacement,
            current,
            replacement.model_copy(deep=True),
            conditions,
        )
        if replaced is None:
            return await self.storage.entry(resource_type, resource_id)
        return await self.storage.change(resource_type, replaced, _version(current))

    async def _patched(
        self,
        resource_type: ResourceType,
        resource_id: str,
        patch_op: PatchOp[Any],
        conditions: Conditions,
    ) -> Entry:
        moved = member_change(patch_op) if kind_of(resource_type) == "group" else None
        if moved is not None:
            entry = await self.storage.entry(resource_type, resource_id)
            conditions.check(etag(entry.version), "PATCH")
            removed = set(moved.removed)
            if moved.everyone:
                removed = await self.storage.inside(entry) - set(moved.added)
            return await self.storage.change_members(
                entry,
                moved.added,
                removed,
                pinned=moved.everyone or bool(conditions.if_match),
            )
        current = await self.storage.get(resource_type, resource_id)
        version = _version(current)
        patched = await asyncio.to_thread(self.service.apply_patch, current, patch_op, conditions)
        if patched is None:
            return await self.storage.entry(resource_type, resource_id)
        return await self.storage.change(resource_type, patched, version)

    def _routed(self, request: ScimRequest, operation: Operation) -> tuple[Target, ResourceType]:
        target = self.service.route(request, operation)
        return target, self.service.resource_type_at(str(target.endpoint))

    async def _answer(
        self,
        request: ScimRequest,
        entry: Entry,
        status: HTTPStatus,
        parameters: ResponseParameters[Any] | None = None,
    ) -> ScimResponse:
        projection = _projection(parameters)
        shown = [entry] if _shows(projection, entry.kind) else []
        listed = await self.storage.listed(shown)
        document = self._document(request, entry, listed, projection)
        headers = {
            "Content-Location": location(entry.kind, entry.id, request.base_url),
            "ETag": etag(entry.version),
        }
        return ScimResponse(status, document, headers)

    async def _listing(
        self,
        request: ScimRequest,
        resource_types: list[ResourceType],
        asked: SearchRequest[Any],
    ) -> ScimResponse:
        projection = _projection(asked)
        kinds = map(kind_of, resource_types)
        page = await self.storage.find(
            resource_types, asked, [kind for kind in kinds if _shows(projection, kind)]
        )
        body = {
            "schemas": [_LIST_RESPONSE],
            "totalResults": page.total,
            "startIndex": asked.start_index,
            "itemsPerPage": len(page.entries),
            "Resources": [
                self._document(request, entry, page.listed, projection) for entry in page.entries
            ],
        }
        return ScimResponse(HTTPStatus.OK, body)

    def _document(
        self, request: ScimRequest, entry: Entry, listed: Listed, projection: Projection
    ) -> Any:  # noqa: ANN401 - what is written as JSON
        memberships = listed.get(entry.id, ())
        if not projection:
            return self.storage.rendered(entry, memberships, request.base_url)
        document = self.storage.document(entry, memberships, request.base_url)
        return projection.of(document, _SCHEMAS[entry.kind])


async def _while_others_write(
    conditions: Conditions, work: Callable[[], Awaitable[Entry]]
) -> Entry:
    """Do `work` again where somebody else was faster, unless the client named a version."""
    for _ in range(_TRIES - 1):
        try:
            return await work()
        except PreconditionFailedException:
            if conditions.if_match or conditions.if_none_match:
                raise
    return await work()


def _projection(parameters: ResponseParameters[Any] | None) -> Projection:
    if parameters is None:
        return Projection()
    return Projection(
        map(str, parameters.attributes or ()), map(str, parameters.excluded_attributes or ())
    )


def _shows(projection: Projection, kind: EntryKind) -> bool:
    """Whether memberships are answered, which have to be read."""
    return projection.keeps(_SCHEMAS[kind], MEMBERSHIPS[kind])


def _version(resource: Resource[Any]) -> str | None:
    return None if resource.meta is None else resource.meta.version
