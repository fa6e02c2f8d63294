"""Identity providers: how discovery goes, and accounts that are linked."""

from __future__ import annotations

from urllib.parse import quote

from starlette.responses import RedirectResponse, Response

from doorward.administrator.federation.unlink import unlink
from doorward.entrypoints.api.providers import provider_views
from doorward.entrypoints.console.visit import Visit
from doorward.model.ids import ProviderId, UserId


async def show(visit: Visit) -> Response:
    """Every provider of the estate, and how its discovery went last."""
    return visit.page("providers.html", providers=await provider_views(visit.context))


async def check(visit: Visit) -> Response:
    """Discover a provider now; the page shows what came of it."""
    federation = visit.context.federation
    provider = federation.provider(visit.request.path_params["provider"])
    await federation.directory.check(provider, visit.now)
    return RedirectResponse(f"/providers#{provider.id}", status_code=303)


async def unlink_account(visit: Visit) -> Response:
    """Forget a person's account at a provider."""
    user = UserId(visit.request.path_params["user"])
    provider = ProviderId(visit.request.path_params["provider"])
    effect = await unlink(visit.context.control, visit.act, user, provider)
    return visit.done(f"/people/{quote(user, safe='')}", "account-unlinked", effect)
