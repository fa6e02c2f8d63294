"""A visit to a person's own pages: by somebody signed in, and answered in their own layout."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import urlencode

from starlette.responses import Response
from starlette.routing import Route

from doorward.administrator.control_plane import Act, Effect
from doorward.administrator.credentials.assurance import (
    Need,
    is_fresh,
    is_strong,
    strongest,
)
from doorward.administrator.credentials.held import held_by
from doorward.entrypoints.login.account.notices import notice
from doorward.entrypoints.login.account.sections import SECTIONS
from doorward.entrypoints.login.answers import page, redirect
from doorward.entrypoints.login.continuation import Continuation
from doorward.entrypoints.login.visit import Visit
from doorward.entrypoints.login.wiring import (
    SignedIn,
    Wiring,
    require_signed_in,
    route,
    signed_in,
    with_flow,
)
from doorward.model.estate import User
from doorward.model.identity import Session
from doorward.model.ids import UnixSeconds
from doorward.model.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class AccountVisit:
    """Who visits their own pages; `snapshot` is the same for the whole answer."""

    wiring: Wiring
    visit: Visit
    person: SignedIn
    snapshot: Snapshot

    @property
    def user(self) -> User:
        return self.person.user

    @property
    def session(self) -> Session:
        return self.person.session

    @property
    def now(self) -> UnixSeconds:
        return self.visit.now

    @property
    def act(self) -> Act:
        """An act of this person, now."""
        return self.person.act(self.now)

    @property
    def fresh(self) -> bool:
        """Whether this person proved who they are within `FRESH_SECONDS`."""
        return is_fresh(self.session, self.now)

    async def unconfirmed(self) -> Need | None:
        """What a step-up has to reach before this session adds anything that lets it in.

        None where the session is fresh, and as strong as its person can be.
        """
        async with self.wiring.control.store.transaction() as transaction:
            held = await held_by(transaction, self.user.id)
        wanted = strongest(held, self.snapshot.authenticators)
        return None if is_strong(self.session, wanted, self.now) else wanted.need

    def page(self, template: str, *, status: int = 200, **values: object) -> Response:
        """The template, which extends `account_layout.html`, with what was done just before."""
        return page(
            template,
            status=status,
            form_origins=(),
            path=self.visit.request.url.path,
            sections=SECTIONS,
            person=self.user,
            session=self.session,
            now=self.now,
            fresh=self.fresh,
            notice=notice(self.visit.query("done")),
            **values,
        )

    def done(self, path: str, said: str, effect: Effect | None = None) -> Response:
        """Go on to `path`, and say there what has come about (`notices.SENTENCES`)."""
        enforced = effect is None or effect.enforced
        query = urlencode({"done": said if enforced else f"{said}.pending"})
        return redirect(f"{path}?{query}")

    def confirm(self, path: str, need: str = "fresh") -> Response:
        """Off to prove again who this is, then back to `path`, one of these pages."""
        return redirect(f"/step-up?{urlencode({'return': path, 'need': need})}")


Handler = Callable[[AccountVisit], Awaitable[Response]]


def account_page(wiring: Wiring, path: str, handler: Handler) -> Route:
    """A page to look at. Whoever is not signed in does so first, and comes back.

    Its forms find a flow cookie, however long ago that of the sign-in has ended.
    """

    async def show(wiring: Wiring, visit: Visit) -> Response:
        person = signed_in(wiring, visit)
        if person is None:
            return redirect(Continuation(path=visit.request.url.path).sign_in())
        answer = await handler(AccountVisit(wiring, visit, person, wiring.snapshot))
        return with_flow(wiring, visit, answer)

    return route(wiring, path, show)


def account_act(wiring: Wiring, path: str, handler: Handler, *, script: bool = False) -> Route:
    """A form of these pages, posted, or a question of their `script`, answered in JSON.

    Raises DoorwardError `not-signed-in`.
    """

    async def submit(wiring: Wiring, visit: Visit) -> Response:
        person = require_signed_in(wiring, visit)
        return await handler(AccountVisit(wiring, visit, person, wiring.snapshot))

    return route(wiring, path, submit, post=True, form="json" if script else "page")
