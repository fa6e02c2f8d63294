"""Where a sign-in leads: to a resource by the redirect protocol, home, or to one's own pages."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlencode

from doorward.administrator.credentials.assurance import Need
from doorward.administrator.redirect_code import is_flow, is_return_path
from doorward.entrypoints.login.site import Place
from doorward.errors import DoorwardError
from doorward.model.estate import Client, Resource
from doorward.model.snapshot import Snapshot
from doorward.protocol.openid.addresses import form_sources

_ACCOUNT_PAGE = re.compile(r"/account(?:/[a-z0-9-]{1,64}){0,3}")
_OPENID_PAGE = re.compile(r"/openid/continue/([A-Za-z0-9._-]{1,128})/[A-Za-z0-9_-]{16,64}")
NEEDS: tuple[Need, ...] = ("fresh", "phishing-resistant", "multi-factor", "hardware-key")


@dataclass(frozen=True, slots=True)
class Continuation:
    """A checked way on; `flow` is empty at a step-up.

    Without a resource, `path` is on the sign-in host: the home page, one of `/account`, or what
    goes on with a sign-in to an OpenID `client`.
    """

    resource: Resource | None = None
    path: str = "/"
    flow: str = ""
    client: Client | None = None

    @property
    def name(self) -> str:
        """The application that the person comes to; empty for none."""
        onward = self.resource or self.client
        return onward.name if onward is not None else ""

    @property
    def fields(self) -> dict[str, str]:
        """What carries it through a form or a query; empty for the home page."""
        if self.resource is None:
            return {} if self.path == "/" else {"return": self.path}
        return {"resource": self.resource.id, "return": self.path, "flow": self.flow}

    def start(self) -> str:
        """Where a completed sign-in goes on, on the sign-in host."""
        return f"/start?{urlencode(self.fields)}" if self.resource else self.path

    def sign_in(self) -> str:
        """The sign-in page that leads there."""
        return f"/sign-in?{urlencode(self.fields)}" if self.fields else "/sign-in"

    def back(self, place: Place) -> str:
        """The resource itself, where a completed step-up goes on."""
        return f"{place.of(self.resource)}{self.path}" if self.resource else self.path

    def form_origins(self, place: Place) -> tuple[str, ...]:
        """The origins that a form's redirects may reach on the way."""
        if self.client is not None:
            return form_sources(self.client)
        return (place.of(self.resource),) if self.resource else ()


def read_continuation(field: Callable[[str], str], snapshot: Snapshot) -> Continuation:
    """The way on that `field` names. Raises DoorwardError `redirect-refused`.

    Only a resource of the estate and a path on its own host, or one of a person's own pages:
    never an address (open redirect).
    """
    resource_id = field("resource")
    if not resource_id:
        openid = _OPENID_PAGE.fullmatch(field("return"))
        if openid:
            return Continuation(path=openid[0], client=snapshot.clients.get(openid[1]))
        own = _ACCOUNT_PAGE.fullmatch(field("return"))
        return Continuation(path=own[0]) if own else Continuation()
    resource = snapshot.resources.get(resource_id)
    path, flow = field("return") or "/", field("flow")
    if resource is not None and not resource.host:
        resource = None  # It stands elsewhere: nothing of it is reached by this redirect.
    if resource is None or not is_return_path(path) or (flow and not is_flow(flow)):
        raise DoorwardError(
            "redirect-refused",
            "This link does not lead to an application here.",
            "Open the application again.",
        )
    return Continuation(resource, path, flow)


def read_need(text: str) -> Need:
    """What a step-up has to reach; `fresh` where nothing known is asked."""
    return next((need for need in NEEDS if need == text), "fresh")
