"""The decision behind tokens, asked again each time that some are given or used."""

from __future__ import annotations

from doorward.administrator.openid.decisions import Origin, decide_sign_in
from doorward.administrator.openid.provider import Provider, live_session
from doorward.administrator.openid_ports import Authorization
from doorward.errors import DoorwardError
from doorward.model.decision import Allow
from doorward.model.estate import Client
from doorward.model.ids import UnixSeconds
from doorward.protocol.openid.errors import OpenidRefusedError
from doorward.protocol.openid.metadata import TOKEN


async def decide_again(
    provider: Provider,
    client: Client,
    authorization: Authorization,
    now: UnixSeconds,
    *,
    asked: tuple[str, str] = ("POST", TOKEN),
) -> Allow:
    """The allow, on what holds now and on where the person's browser was when they signed in.

    `asked` is method and path of the client's request, for the log.

    Raises OpenidRefusedError `invalid_grant` where the session has ended or the policies deny,
    DoorwardError `log-unavailable` where the decision cannot be recorded.
    """
    session = live_session(provider.snapshot, authorization.session, now)
    if session is None:
        raise OpenidRefusedError("invalid_grant", "The session has ended.")
    origin = Origin(authorization.address, authorization.thumbprint, *asked)
    decided = await decide_sign_in(provider, client, session, origin, now)
    if isinstance(decided.decision, Allow):
        return decided.decision
    if decided.decision.reason == "log-unavailable":
        raise DoorwardError(
            "log-unavailable", "The decision cannot be recorded just now.", "Try again in a moment."
        )
    raise OpenidRefusedError("invalid_grant", f"The policies deny it: {decided.id}.")
