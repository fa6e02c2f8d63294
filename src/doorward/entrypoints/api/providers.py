"""Identity providers: what the estate declares, how discovery goes, and who is linked to them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import Field

from doorward.administrator.federation.directory import ProviderState
from doorward.administrator.federation.id_token import CLOCK_LEEWAY_SECONDS
from doorward.administrator.federation.metadata import Metadata
from doorward.administrator.federation.provider_secret import set_provider_secret
from doorward.administrator.federation.unlink import unlink
from doorward.entrypoints.api.bodies import Body
from doorward.entrypoints.api.context import Caller, Context, Ports
from doorward.entrypoints.api.views import EffectView, View
from doorward.model.estate import IdentityProvider
from doorward.model.ids import ProviderId, UserId

router = APIRouter(prefix="/providers", tags=["providers"])
links_router = APIRouter(prefix="/users/{user}/links", tags=["providers"])


class ProviderView(View):
    """A provider of the estate, and how its discovery went last in this control process.

    `callback_urls` and `logout_url` are what is registered at the provider. `ok` is None before
    the first discovery; `problems` are what would keep people out, `remarks` what is only worth
    knowing. `clock_skew_seconds` is by how much its clock is ahead of ours.
    """

    id: str
    name: str
    issuer: str
    client_id: str
    match: Literal["link", "email"]
    domains: tuple[str, ...]
    secret_set: bool
    callback_urls: tuple[str, ...]
    logout_url: str
    ok: bool | None
    checked_at: datetime | None
    clock_skew_seconds: float | None
    problems: tuple[str, ...]
    remarks: tuple[str, ...]


class SecretBody(Body):
    """The client's secret; empty forgets it. It is never answered."""

    secret: Annotated[str, Field(max_length=1024, repr=False)]


class SecretView(View):
    """Whether the provider has a secret now."""

    secret_set: bool


class LinkView(View):
    """An account at a provider that signs a person in."""

    provider: str
    issuer: str
    subject: str
    email: str
    linked_at: datetime
    last_used_at: datetime


@router.get("")
async def list_providers(ports: Ports, _: Caller) -> list[ProviderView]:
    """Every provider, by name; nothing is asked of them."""
    return await provider_views(ports)


@router.post("/{provider}/check")
async def check_provider(ports: Ports, _: Caller, provider: str) -> ProviderView:
    """Discover a provider now, and say what was found."""
    declared = ports.federation.provider(provider)
    await ports.federation.directory.check(declared, ports.clock())
    return await _view(ports, declared)


@router.put("/{provider}/secret")
async def set_secret(ports: Ports, caller: Caller, provider: str, body: SecretBody) -> SecretView:
    """Set the secret by which doorward is the provider's client."""
    act = caller.act(ports.clock())
    await set_provider_secret(ports.federation, act, provider, body.secret)
    return SecretView(secret_set=bool(body.secret))


@links_router.get("")
async def list_links(ports: Ports, _: Caller, user: str) -> list[LinkView]:
    """The accounts at providers that sign a person in."""
    return await links_of(ports, user)


@links_router.delete("/{provider}")
async def remove_link(ports: Ports, caller: Caller, user: str, provider: str) -> EffectView:
    """Forget an account: it signs nobody in any more, and its sessions end."""
    act = caller.act(ports.clock())
    done = await unlink(ports.control, act, UserId(user), ProviderId(provider))
    return EffectView.model_validate(done)


async def provider_views(ports: Context) -> list[ProviderView]:
    """Every provider as it is known in this process."""
    return [await _view(ports, provider) for provider in ports.federation.providers()]


async def links_of(ports: Context, user: str) -> list[LinkView]:
    """The accounts that are linked to `user`."""
    async with ports.control.store.transaction() as transaction:
        found = await transaction.federation.identities(UserId(user))
    return [LinkView.model_validate(link) for link in found]


async def _view(ports: Context, provider: IdentityProvider) -> ProviderView:
    federation = ports.federation
    state = federation.directory.state(provider)
    async with ports.control.store.transaction() as transaction:
        secret_set = await transaction.federation.secret(provider.id) is not None
    return ProviderView.model_validate(
        {
            "id": provider.id,
            "name": provider.name,
            "issuer": provider.issuer,
            "client_id": provider.client_id,
            "match": provider.match,
            "domains": provider.domains,
            "secret_set": secret_set,
            "callback_urls": federation.callback_urls(provider),
            "logout_url": federation.logout_url(provider),
            "ok": None if state.checked_at is None else not _problems(state),
            "checked_at": state.checked_at,
            "clock_skew_seconds": state.skew_seconds,
            "problems": _problems(state),
            "remarks": () if state.metadata is None else _remarks(state.metadata, provider),
        }
    )


def _problems(state: ProviderState) -> tuple[str, ...]:
    found = [] if state.error is None else [state.error.detail]
    if state.skew_seconds is not None and abs(state.skew_seconds) > CLOCK_LEEWAY_SECONDS:
        found.append(f"Its clock and ours differ by {abs(state.skew_seconds):.0f} s.")
    return tuple(found)


def _remarks(metadata: Metadata, provider: IdentityProvider) -> tuple[str, ...]:
    """What the document says, where it matters to how safe or comfortable federation is."""
    found = [f"It signs with {', '.join(metadata.algorithms)}."]
    if not metadata.code_challenge_methods_supported:
        found.append("It does not say whether it heeds PKCE; it is sent S256.")
    if not metadata.authorization_response_iss_parameter_supported:
        found.append("It does not name itself in its answers (RFC 9207).")
    if not metadata.backchannel_logout_supported:
        found.append("It does not say that it tells of sessions that end (back-channel logout).")
    claims = metadata.claims_supported
    if provider.groups_claim and claims and provider.groups_claim not in claims:
        found.append(f"It does not list the claim {provider.groups_claim}.")
    unknown = [
        row.value
        for row in provider.acr
        if metadata.acr_values_supported and row.value not in metadata.acr_values_supported
    ]
    if unknown:
        found.append(f"It does not list the acr {', '.join(unknown)}.")
    return tuple(found)
