"""The suite of `scim2-server` for storages, on our directory: SQLite, PostgreSQL and the fake."""

from __future__ import annotations

import asyncio
import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from scim2_models import ScimProvider
from scim2_server.service import ScimService
from scim2_server.storage import ScimStorage
from scim2_server.testing import AsyncScimStorageContract, BlockingStorage

from doorward.adapters.store.migrate import upgrade
from doorward.adapters.store.store import open_store
from doorward.adapters.throttle import SlidingWindowThrottle
from doorward.administrator.control_plane import Act, ControlPlane
from doorward.administrator.ports import Store
from doorward.entrypoints.actors import OperatorSocket
from doorward.entrypoints.scim.context import ScimContext
from doorward.entrypoints.scim.description import provider as description
from doorward.entrypoints.scim.storage import DirectoryStorage
from doorward.model.snapshot import Snapshot
from tests.contract.conftest import _empty
from tests.fakes.store import CountedSecrets, KeptMail, MemoryStore, ObedientGateways


class LoadedLive:
    """Port `LiveSnapshot` that loads all of the store when it is asked for something newer."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.current = Snapshot()

    async def reached(self, number: int) -> Snapshot:
        if self.current.number < number:
            self.current = await self._store.load()
        return self.current


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite database with its tables, to be copied."""
    path = tmp_path_factory.mktemp("migrated") / "doorward.db"
    upgrade(f"sqlite:///{path}")
    return path


class TestDirectoryStorage(AsyncScimStorageContract):
    @pytest.fixture
    def provider(self) -> ScimProvider:
        return description()

    @pytest.fixture(params=["memory", "sqlite", "postgresql"])
    def storage(
        self,
        request: pytest.FixtureRequest,
        tmp_path: Path,
        migrated: Path,
        provider: ScimProvider,
    ) -> Iterator[ScimStorage]:
        store: Store
        if request.param == "memory":
            store = MemoryStore()
        elif request.param == "sqlite":
            store = open_store(f"sqlite:///{shutil.copy(migrated, tmp_path)}")
        else:
            url = request.getfixturevalue("postgresql")
            _empty(url)
            store = open_store(url)
        control = ControlPlane(
            store, LoadedLive(store), ObedientGateways(), CountedSecrets(), KeptMail()
        )
        directory = cast("Any", store).directory
        seconds = itertools.count(1000)
        context = ScimContext(
            control, directory, SlidingWindowThrottle({}), OperatorSocket(), lambda: next(seconds)
        )
        act = Act("service:idp", 1000.0)
        # As the server does around each request: what no schema declares is passed over.
        with provider, asyncio.Runner() as runner:
            yield BlockingStorage(DirectoryStorage(ScimService(provider), context, act), runner)
            runner.run(store.close())
