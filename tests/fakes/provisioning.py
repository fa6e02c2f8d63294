"""A directory on the store in memory, and an identity provider that talks to it.

`Directory(store)` is the SCIM application behind an authenticator that believes everybody;
`send` asks it as a service. `content()` is all that the store holds but for the audit log.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from doorward.adapters.throttle import Limit, SlidingWindowThrottle
from doorward.administrator.control_plane import ControlPlane
from doorward.administrator.ports import AuditEntry
from doorward.entrypoints.actors import Actor
from doorward.entrypoints.scim.app import ScimApplication
from doorward.entrypoints.scim.context import ScimContext
from doorward.model.ids import UnixSeconds
from tests.fakes.store import MemoryStore, control_plane

NOTED = 50
"""How many refusals are noted in the audit log."""

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
BULK = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"


class Believing:
    """An authenticator to whom everybody is the identity provider."""

    def actor(
        self, method: str, headers: Mapping[str, str], now: UnixSeconds, area: str = ""
    ) -> Actor:
        return Actor("service:idp", "Identity provider")


@dataclass
class ScimDesk:
    """The application and what is behind it."""

    store: MemoryStore = field(default_factory=MemoryStore)
    now: UnixSeconds = 1_790_000_000.0

    def __post_init__(self) -> None:
        self.control: ControlPlane = control_plane(self.store)
        self.application = ScimApplication(
            ScimContext(
                self.control,
                self.store.directory,
                SlidingWindowThrottle({"provisioning": Limit(NOTED, 60)}),
                Believing(),
                lambda: self.now,
            )
        )

    async def send(
        self, method: str, path: str, body: Any = None, **headers: str
    ) -> httpx.Response:
        """One request; `_` in a header's name stands for `-`. Bytes are sent as they are."""
        content = body if isinstance(body, bytes) else None
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        transport = httpx.ASGITransport(app=self.application)
        async with httpx.AsyncClient(
            transport=transport, base_url="https://directory.test/scim/v2"
        ) as client:
            json = body if content is None else None
            return await client.request(method, path, content=content, json=json, headers=named)

    async def made(self, endpoint: str, **attributes: Any) -> dict[str, Any]:
        """A new resource, as it was answered."""
        schema = USER if endpoint == "Users" else GROUP
        answer = await self.send("POST", f"/{endpoint}", {"schemas": [schema], **attributes})
        assert answer.status_code == 201, answer.text
        document: dict[str, Any] = answer.json()
        return document

    async def patched(self, path: str, *operations: dict[str, Any], **headers: str) -> int:
        """The status of a PATCH with these operations."""
        body = {"schemas": [PATCH], "Operations": operations}
        return (await self.send("PATCH", path, body, **headers)).status_code

    async def found(self, endpoint: str, text: str) -> list[str]:
        """The ids of what a filter finds."""
        answer = await self.send("GET", f"/{endpoint}?{httpx.QueryParams(filter=text)}")
        assert answer.status_code == 200, answer.text
        return [document["id"] for document in answer.json()["Resources"]]

    async def audit(self) -> list[AuditEntry]:
        """Every entry of the audit log."""
        async with self.store.transaction() as transaction:
            return list(await transaction.audit.entries(after=0, limit=1000))

    def content(self) -> object:
        """All that there is, but for the audit log, to compare with later."""
        state: Any = self.store.content()
        return state.snapshot, state.directory, state.passkeys, state.passwords, state.one_time
