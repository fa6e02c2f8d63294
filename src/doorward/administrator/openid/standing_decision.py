"""The decision behind tokens, asked again each time that some are given or used."""

from __future__ import annotations

import msgspec

from doorward.administrator.openid.decisions import Origin, decide_sign_in
from doorward.administrator.openid.provider import Provider, live_session
from doorward.administrator.openid_ports import Authorization
from doorward.errors import DoorwardError
from doorward.model.decision import Allow
from doorward.model.device import ClientCertificate
from doorward.model.estate import Client
from doorward.model.ids import UnixSeconds
from doorward.protocol.openid.errors import OpenidRefusedError
from doorward.protocol.openid.metadata import TOKEN

_NEVER: UnixSeconds = 32_503_680_000.0  # the year 3000


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
    origin = Origin(authorization.address, _lasting(authorization.certificate), *asked)
    decided = await decide_sign_in(provider, client, session, origin, now)
    if isinstance(decided.decision, Allow):
        return decided.decision
    if decided.decision.reason == "log-unavailable":
        raise DoorwardError(
            "log-unavailable", "The decision cannot be recorded just now.", "Try again in a moment."
        )
    raise OpenidRefusedError("invalid_grant", f"The policies deny it: {decided.id}.")


def _lasting(certificate: ClientCertificate | None) -> ClientCertificate | None:
    """The certificate of the sign-in as one that has not ended: the client holds no other."""
    return certificate and msgspec.structs.replace(certificate, ends_at=_NEVER)
