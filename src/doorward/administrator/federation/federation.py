"""What the use cases of federation share."""

from __future__ import annotations

from dataclasses import dataclass

from doorward.administrator.authentication import Authenticators
from doorward.administrator.control_plane import ControlPlane
from doorward.administrator.federation.directory import ProviderDirectory
from doorward.administrator.federation.ports import ProviderHttp, TokenVerifier
from doorward.administrator.federation.refusals import unknown
from doorward.model.estate import IdentityProvider


@dataclass(frozen=True, slots=True)
class Federation:
    """Ports, and what is known of providers in this process.

    `origins` are those of the sign-in host, one for each listener: where browsers come back to.
    """

    authenticators: Authenticators
    http: ProviderHttp
    tokens: TokenVerifier
    directory: ProviderDirectory
    origins: tuple[str, ...]

    @property
    def control(self) -> ControlPlane:
        return self.authenticators.control

    def provider(self, provider_id: str) -> IdentityProvider:
        """Raises DoorwardError `provider-unknown`."""
        found = self.control.live.current.providers.get(provider_id)
        if found is None:
            raise unknown(provider_id)
        return found

    def callback_urls(self, provider: IdentityProvider) -> tuple[str, ...]:
        """Where a browser may come back from `provider`; each is registered there."""
        return tuple(f"{origin}/federation/{provider.id}/callback" for origin in self.origins)

    def logout_url(self, provider: IdentityProvider) -> str:
        """Where `provider` tells of sessions that end: the last origin, which is TLS."""
        return f"{self.origins[-1]}/federation/{provider.id}/logout"

    def providers(self) -> tuple[IdentityProvider, ...]:
        """All of the estate, by name."""
        found = self.control.live.current.providers.values()
        return tuple(sorted(found, key=lambda provider: (provider.name.casefold(), provider.id)))
