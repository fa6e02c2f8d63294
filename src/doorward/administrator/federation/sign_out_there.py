"""Where somebody who signs out here signs out of their provider too (RP-Initiated Logout 1.0)."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from doorward.administrator.federation.federation import Federation
from doorward.administrator.federation.metadata import with_query
from doorward.errors import DoorwardError
from doorward.model.identity import Session
from doorward.model.ids import UnixSeconds


@dataclass(frozen=True, slots=True)
class SignOutThere:
    """The provider's name, and the address of its page that ends the session there."""

    name: str
    address: str


async def sign_out_there(
    federation: Federation, session: Session, now: UnixSeconds
) -> SignOutThere | None:
    """None where no provider vouched for `session`, or it has no such page, or does not answer.

    The address says which client the person comes from and nothing of them: no ID token is kept
    to hint with, so the provider asks whether they want it.
    """
    provider = federation.control.live.current.providers.get(session.provider)
    if provider is None:
        return None
    try:
        metadata = await federation.directory.metadata(provider, now)
    except DoorwardError:
        return None
    if not metadata.end_session_endpoint:
        return None
    asked = urlencode({"client_id": provider.client_id})
    return SignOutThere(provider.name, with_query(metadata.end_session_endpoint, asked))
