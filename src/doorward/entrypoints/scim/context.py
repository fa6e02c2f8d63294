"""What the SCIM server works with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from doorward.administrator.control_plane import ControlPlane
from doorward.administrator.directory.ports import Directory
from doorward.administrator.ports import Throttle
from doorward.entrypoints.actors import Authenticator
from doorward.entrypoints.scim.turns import LOOKUPS, LOOKUPS_TOGETHER, LOOKUPS_WAITING, Turns
from doorward.model.ids import UnixSeconds


@dataclass(frozen=True, slots=True)
class ScimContext:
    """Ports and values. `directory` reads what `control.store` writes.

    `throttle` bounds by `provisioning:ACTOR` how many refusals of an actor are noted; `turns`
    are for looking through the whole directory, `lookups` for what it can look up.
    """

    control: ControlPlane
    directory: Directory
    throttle: Throttle
    authenticator: Authenticator
    clock: Callable[[], UnixSeconds]
    turns: Turns = field(default_factory=Turns)
    lookups: Turns = field(
        default_factory=lambda: Turns(LOOKUPS, LOOKUPS_WAITING, LOOKUPS_TOGETHER)
    )
