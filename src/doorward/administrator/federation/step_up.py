"""By which providers a person can prove again who they are."""

from __future__ import annotations

from doorward.administrator.federation.assurance import can_reach
from doorward.administrator.federation.federation import Federation
from doorward.model.estate import IdentityProvider
from doorward.model.ids import UserId


async def step_up_providers(
    federation: Federation, user: UserId, need: str
) -> tuple[IdentityProvider, ...]:
    """Those at which `user` has an account linked, and whose word could be what `need` asks."""
    providers = federation.providers()
    if not providers:
        return ()
    async with federation.control.store.transaction() as transaction:
        links = await transaction.federation.identities(user)
    linked = {(link.provider, link.issuer) for link in links}
    return tuple(
        provider
        for provider in providers
        if (provider.id, provider.issuer) in linked and can_reach(provider, need)
    )
