"""A person's accounts at other providers: which are linked, and may sign them in."""

from __future__ import annotations

from starlette.responses import Response

from doorward.administrator.federation.flow import Wish
from doorward.administrator.federation.unlink import unlink
from doorward.entrypoints.login.account.visit import AccountVisit
from doorward.entrypoints.login.federation import LINKS, set_out
from doorward.model.ids import ProviderId


async def show(visit: AccountVisit) -> Response:
    """Every provider, and whether an account there is this person's."""
    async with visit.wiring.control.store.transaction() as transaction:
        links = await transaction.federation.identities(visit.user.id)
    linked = {link.provider: link for link in links}
    return visit.page(
        "account/links.html", providers=visit.wiring.federation.providers(), linked=linked
    )


async def link(visit: AccountVisit) -> Response:
    """Off to the provider, to link the account there: a way in like any other."""
    fields = await visit.visit.form()
    if need := await visit.unconfirmed():
        return visit.confirm(LINKS, need)
    wish = Wish(intent="link", session=visit.session.id)
    return await set_out(visit.wiring, visit.visit, fields.get("provider", ""), wish)


async def remove(visit: AccountVisit) -> Response:
    """Forget the account: it signs this person in no more."""
    fields = await visit.visit.form()
    if need := await visit.unconfirmed():
        return visit.confirm(LINKS, need)
    provider = ProviderId(fields.get("provider", ""))
    effect = await unlink(visit.wiring.control, visit.act, visit.user.id, provider)
    return visit.done(LINKS, "account-unlinked", effect)
