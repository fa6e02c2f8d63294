"""The secret by which doorward is a provider's client: sealed in the store, shown to nobody."""

from __future__ import annotations

import re

from doorward.administrator.control_plane import Act
from doorward.administrator.federation.federation import Federation
from doorward.errors import DoorwardError
from doorward.model.estate import IdentityProvider

_SECRET = re.compile(r"[ -~]{1,1024}")


async def set_provider_secret(
    federation: Federation, act: Act, provider_id: str, secret: str
) -> None:
    """Keep `secret`, or forget the one there is where it is empty.

    Raises DoorwardError `provider-unknown`, `provider-secret-invalid`.
    """
    provider = federation.provider(provider_id)
    if secret and not _SECRET.fullmatch(secret):
        raise DoorwardError(
            "provider-secret-invalid",
            "This is not a client secret: it is too long, or not printable ASCII.",
            "Copy it from the provider once more.",
        )
    sealer = federation.authenticators.sealer
    sealed = sealer.seal(secret.encode(), _context(provider)) if secret else None
    async with federation.control.store.transaction() as transaction:
        await transaction.federation.put_secret(provider.id, sealed)
        await transaction.audit.append(
            at=act.at,
            actor=act.actor,
            act="provider-secret-set" if secret else "provider-secret-removed",
            target=f"provider:{provider.id}",
            detail={"issuer": provider.issuer},
        )


async def secret_of(federation: Federation, provider: IdentityProvider) -> str:
    """The client's secret, empty for a client without one. Raises DoorwardError `seal-broken`."""
    async with federation.control.store.transaction() as transaction:
        sealed = await transaction.federation.secret(provider.id)
    if sealed is None:
        return ""
    return federation.authenticators.sealer.open(sealed, _context(provider)).decode()


def _context(provider: IdentityProvider) -> str:
    """A secret goes to the issuer that it was set for, and to no other under the same id."""
    return f"provider-secret:{provider.id}:{provider.issuer}:{provider.client_id}"
