"""Federation on a store in memory, with real signatures and providers of the caller's."""

from __future__ import annotations

from doorward.adapters.challenges import HmacChallenges
from doorward.adapters.federation.tokens import JoseTokens
from doorward.adapters.leaked_passwords import NoLeakedPasswords
from doorward.adapters.password_judge import ZxcvbnJudge
from doorward.adapters.sealer import AesGcmSealer
from doorward.adapters.throttle import SlidingWindowThrottle
from doorward.adapters.totp import PyotpCodes
from doorward.adapters.user_codes import HmacUserCodes
from doorward.adapters.webauthn import WebAuthnRelyingParty
from doorward.administrator.authentication import Authenticators
from doorward.administrator.control_plane import ControlPlane
from doorward.administrator.federation.directory import ProviderDirectory
from doorward.administrator.federation.federation import Federation
from doorward.administrator.federation.ports import ProviderHttp
from doorward.bootstrap import LIMITS

ORIGINS = ("http://auth.doorward.localhost:8080", "https://auth.doorward.localhost:8081")


def federation_by(authenticators: Authenticators, http: ProviderHttp) -> Federation:
    """Federation of the people who sign in by `authenticators`."""
    return Federation(authenticators, http, JoseTokens(), ProviderDirectory(http), ORIGINS)


class NoPasswords:
    """Port `PasswordHasher` where nobody has a password."""

    async def hash(self, password: str) -> str:
        raise AssertionError

    async def verify(self, phc: str | None, password: str) -> bool:
        raise AssertionError


def federation_on(control: ControlPlane, http: ProviderHttp) -> Federation:
    """Federation on a control plane that is asked nothing else."""
    authenticators = Authenticators(
        control=control,
        hasher=NoPasswords(),
        sealer=AesGcmSealer(bytes(32)),
        throttle=SlidingWindowThrottle(LIMITS),
        challenges=HmacChallenges(bytes(32)),
        relying_party=WebAuthnRelyingParty(rp_id="x.test", name="x", origins=["https://x.test"]),
        totp=PyotpCodes("x"),
        judge=ZxcvbnJudge(),
        leaked=NoLeakedPasswords(),
        codes=HmacUserCodes(bytes(32)),
    )
    return federation_by(authenticators, http)
