"""Give a session its own cookie at one resource."""

from __future__ import annotations

from doorward.administrator.authentication import digest
from doorward.administrator.control_plane import ControlPlane, effect
from doorward.administrator.open_session import SessionCookie
from doorward.administrator.settled import settled
from doorward.errors import DoorwardError
from doorward.model.identity import ResourceCookie
from doorward.model.ids import ResourceId, SessionId
from doorward.model.snapshot import change, removal


async def issue_resource_cookie(
    control: ControlPlane, *, session: SessionId, resource: ResourceId
) -> SessionCookie:
    """A cookie for `session` at `resource`; an earlier one of the same pair ends.

    Raises DoorwardError `session-unknown`, `resource-unknown`.
    """
    secret = control.secrets.token()
    cookie = ResourceCookie(id=digest(secret), session=session, resource=resource)
    async with control.store.transaction() as transaction:
        snapshot = await settled(control, transaction)
        if session not in snapshot.sessions:
            raise DoorwardError("session-unknown", "This session has ended.", "Sign in again.")
        if resource not in snapshot.resources:
            raise DoorwardError(
                "resource-unknown", f"There is no resource `{resource}`.", "Check the address."
            )
        old = [
            removal("cookie", other.id)
            for other in snapshot.cookies.values()
            if other.session == session and other.resource == resource
        ]
        number = await transaction.snapshot.publish([*old, change("cookie", cookie)])
    return SessionCookie(session, secret, await effect(control, number))
