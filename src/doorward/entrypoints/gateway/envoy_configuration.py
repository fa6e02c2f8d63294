"""Envoy's files, and the epoch: the number that every ticket must bear."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NamedTuple

from doorward.enforcement.envoy.compiler import EnvoyFiles, compile_envoy, compile_epoch
from doorward.enforcement.envoy.settings import EnvoySettings
from doorward.entrypoints.ext_authz.decision_point import DecisionPoint
from doorward.errors import DoorwardError
from doorward.model.snapshot import Snapshot

_POLL_SECONDS = 0.002
_PICK_UP_SECONDS = 5.0
_ABSENT_SECONDS = 0.05
_WORKERS_SECONDS = 0.005
"""Envoy's main thread hands new routes to its workers, which take them within one turn."""


class Held(NamedTuple):
    """What Envoy says that it holds."""

    epoch: int
    routes: int
    """Their version: the epoch that they were compiled with."""


class CannotEnforceError(Exception):
    """What is known cannot be enforced: the process must end, for the parent to void tickets.

    Nothing on the way may take it for an error of its own. `envoy_at_fault` says that Envoy must
    go too.
    """

    def __init__(self, detail: str, *, envoy_at_fault: bool = False) -> None:
        super().__init__(detail)
        self.envoy_at_fault = envoy_at_fault


class EnvoyConfiguration:
    """The compiled files of one Envoy.

    They are compiled from the last snapshot whose whole configuration Envoy accepted. While that
    is not the one decided from, no tickets are made (the decision point's epoch is 0), since
    Envoy's action classes could differ from the engine's.
    """

    def __init__(
        self,
        point: DecisionPoint,
        settings: EnvoySettings,
        epoch: int,
        *,
        write: Callable[[Path, str], None],
        validate: Callable[[EnvoyFiles], Awaitable[None]],
        held: Callable[[], Awaitable[Held]],
    ) -> None:
        """`epoch` is one that no process used before.

        `write` replaces a file atomically, `validate` raises DoorwardError where Envoy would
        refuse the files, `held` asks Envoy what it holds.
        """
        self._point = point
        self._settings = settings
        self._folder = Path(settings.folder)
        self._epoch = epoch
        self._write = write
        self._validate = validate
        self._ask = held
        self._accepted = self._wanted = Snapshot()
        self._turn = asyncio.Lock()
        self._routes = epoch
        self._in_line = True
        self._held = -1
        self.trouble = ""

    def begin(self) -> None:
        """Write the configuration without any resource, for Envoy to start with."""
        files = compile_envoy(self._accepted, self._settings, self._epoch)
        for name in ("epoch", "rds", "cds", "lds", "bootstrap"):
            self._replace(name, getattr(files, name))

    def void_tickets(self) -> None:
        """Move the epoch.

        Raises CannotEnforceError where it cannot be written.
        """
        self._epoch += 1
        self._replace("epoch", compile_epoch(self._epoch))
        self._point.epoch = self._epoch if self._in_line else 0

    def holds(self, snapshot: Snapshot) -> bool:
        """Whether the files are those of `snapshot`."""
        return self._in_line and _routed(snapshot) == _routed(self._accepted)

    async def follow(self, snapshot: Snapshot) -> None:
        """Compile and check the whole, then hand it to Envoy; on failure the old one stays.

        Nothing comes of it where a later one is to be followed meanwhile.
        """
        self._wanted = snapshot
        async with self._turn:
            await self._follow(snapshot)

    async def _follow(self, snapshot: Snapshot) -> None:
        if _routed(snapshot) == _routed(self._accepted):
            self._accepted = snapshot
            if not self._in_line:  # put back to what Envoy has after what it refused
                self._be_in_line()
            return
        self._in_line = False
        self._point.epoch = 0
        version = self._epoch
        try:
            files = compile_envoy(snapshot, self._settings, version)
            await self._validate(files)
        except DoorwardError as error:
            self.trouble = error.detail
            return
        if self._wanted is not snapshot:
            return
        self._accepted = snapshot
        self._replace("cds", files.cds)
        self._replace("lds", files.lds)
        self._replace("rds", files.rds)
        self._routes = version
        self._be_in_line()

    def _be_in_line(self) -> None:
        self._in_line = True
        self.trouble = ""
        self.void_tickets()

    async def picked_up(self) -> None:
        """Wait until Envoy's workers hold the present epoch, or a later one, and its routes.

        Envoy reads the files in no order, and builds the routes of 2,000 resources in seconds.
        Where it has the epoch no ticket outlives a change, so routes are waited for without end.
        What they once held is not asked again: an Envoy that starts anew reads the files.

        Raises CannotEnforceError where they do not take an epoch within five seconds, that of a
        later change too.
        """
        epoch, routes = self._epoch, self._routes
        if epoch <= self._held:
            return
        loop = asyncio.get_running_loop()
        begun = loop.time()
        awaited, deadline = epoch, begun + _PICK_UP_SECONDS
        while True:
            in_time = loop.time() < deadline
            try:
                held = await self._ask()
            except DoorwardError:
                # No Envoy, no stale answer: it will read the files as they are when it starts.
                await asyncio.sleep(_ABSENT_SECONDS)
                deadline = loop.time() + _PICK_UP_SECONDS
                continue
            # Outside these ranges they are another process'.
            if awaited <= held.epoch <= self._epoch:
                if routes <= held.routes <= self._routes:
                    await asyncio.sleep(_WORKERS_SECONDS)
                    self._held = max(self._held, epoch)
                    return
                awaited, deadline = self._epoch, loop.time() + _PICK_UP_SECONDS
            elif not in_time:
                raise CannotEnforceError("Envoy does not take the new epoch.", envoy_at_fault=True)
            hurried = loop.time() < begun + _PICK_UP_SECONDS
            await asyncio.sleep(_POLL_SECONDS if hurried else _ABSENT_SECONDS)

    def _replace(self, name: str, text: str) -> None:
        try:
            self._write(self._folder / f"{name}.json", text)
        except OSError as error:
            raise CannotEnforceError(f"Envoy's {name}.json cannot be written.") from error


def _routed(snapshot: Snapshot) -> tuple[object, object]:
    """What Envoy's files are made of."""
    return snapshot.resources, snapshot.networks
