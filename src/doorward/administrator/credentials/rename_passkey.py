"""A person gives a passkey another name."""

from __future__ import annotations

import msgspec

from doorward.administrator.control_plane import ControlPlane
from doorward.administrator.credentials.own_change import own_change
from doorward.administrator.credentials.passkey_names import checked_name
from doorward.administrator.credentials.remove_passkey import passkey_of
from doorward.model.ids import SessionId, UnixSeconds


async def rename_passkey(
    control: ControlPlane, session: SessionId, passkey: str, name: str, now: UnixSeconds
) -> None:
    """Raises what `own_change` raises, `passkey-unknown` and `passkey-name-invalid`."""
    wanted = checked_name(name)
    async with own_change(control, session, now) as own:
        found = passkey_of(own.held.passkeys, passkey)
        if found.name != wanted:
            await own.transaction.credentials.put(msgspec.structs.replace(found, name=wanted))
            await own.note(now, "passkey-renamed", passkey=found.id, was=found.name, name=wanted)
