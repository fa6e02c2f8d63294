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
    """Ports, and what is known of providers in this process."""

    authenticators: Authenticators
    http: ProviderHttp
    tokens: TokenVerifier
    directory: ProviderDirectory

    @property
    def control(self) -> ControlPlane:
        return self.authenticators.control

    def provider(self, provider_id: str) -> IdentityProvider:
        """Raises DoorwardError `provider-unknown`."""
        found = self.control.live.current.providers.get(provider_id)
        if found is None:
            raise unknown(provider_id)
        return found

    def providers(self) -> tuple[IdentityProvider, ...]:
        """All of the estate, by name."""
        found = self.control.live.current.providers.values()
        return tuple(sorted(found, key=lambda provider: (provider.name.casefold(), provider.id)))
