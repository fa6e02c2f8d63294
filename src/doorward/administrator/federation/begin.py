"""Send a browser to a provider (OpenID Connect Core 1.0, 3.1.2.1; PKCE, RFC 7636)."""

from __future__ import annotations

import base64
import hashlib
from urllib.parse import urlencode

from doorward.administrator.attempts import admit, network_of
from doorward.administrator.authentication import Browser, digest
from doorward.administrator.federation.assurance import acr_values
from doorward.administrator.federation.federation import Federation
from doorward.administrator.federation.flow import Flow, Wish, keep_flow, seal_verifier
from doorward.administrator.federation.metadata import with_query
from doorward.model.estate import IdentityProvider
from doorward.model.ids import UnixSeconds


async def begin_federation(
    federation: Federation,
    browser: Browser,
    provider_id: str,
    wish: Wish,
    *,
    redirect_uri: str,
    now: UnixSeconds,
) -> str:
    """The address at the provider, where this browser goes on.

    State, nonce and verifier are new, and good for this browser and provider, once, for ten
    minutes. Raises DoorwardError `provider-unknown`, `provider-unreachable`, `provider-invalid`,
    TooManyAttemptsError.
    """
    provider = federation.provider(provider_id)
    await admit(federation.authenticators, f"federation-address:{network_of(browser.address)}")
    metadata = await federation.directory.metadata(provider, now)
    token = federation.control.secrets.token
    state, nonce, verifier = token(), token(), token()
    fresh = provider.require_fresh or wish.intent == "step-up"
    flow = Flow(
        provider=provider.id,
        issuer=provider.issuer,
        browser=browser.flow,
        redirect_uri=redirect_uri,
        nonce_digest=digest(nonce),
        sealed_verifier=seal_verifier(federation.authenticators, state, verifier),
        begun_at=now,
        fresh=fresh,
        wish=wish,
    )
    await keep_flow(federation.authenticators, state, flow)
    asked = {
        "response_type": "code",
        "client_id": provider.client_id,
        "redirect_uri": redirect_uri,
        "scope": " ".join(provider.scopes),
        "state": state,
        "nonce": nonce,
        "code_challenge": _challenge(verifier),
        "code_challenge_method": "S256",
        **_strength(provider, wish, fresh=fresh),
    }
    return with_query(metadata.authorization_endpoint, urlencode(asked))


def _strength(provider: IdentityProvider, wish: Wish, *, fresh: bool) -> dict[str, str]:
    asked = {"prompt": "login", "max_age": "0"} if fresh else {}
    if wish.intent == "step-up":
        wanted = acr_values(provider, wish.need)
        if wanted:
            asked["acr_values"] = " ".join(wanted)
    return asked


def _challenge(verifier: str) -> str:
    hashed = hashlib.sha256(verifier.encode("ascii")).digest()
    return base64.urlsafe_b64encode(hashed).rstrip(b"=").decode()
