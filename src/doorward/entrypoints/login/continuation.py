"""Where a sign-in leads: back to a resource by the redirect protocol, or to the home page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlencode

from doorward.administrator.redirect_code import is_flow, is_return_path
from doorward.entrypoints.login.site import Place
from doorward.errors import DoorwardError
from doorward.model.estate import Resource
from doorward.model.snapshot import Snapshot

Need = Literal["fresh", "phishing-resistant", "multi-factor", "hardware-key"]
NEEDS: tuple[Need, ...] = ("fresh", "phishing-resistant", "multi-factor", "hardware-key")


@dataclass(frozen=True, slots=True)
class Continuation:
    """A checked way on. Without a resource it is the home page; `flow` is empty at a step-up."""

    resource: Resource | None = None
    path: str = "/"
    flow: str = ""

    @property
    def fields(self) -> dict[str, str]:
        """What carries it through a form or a query; empty for the home page."""
        if self.resource is None:
            return {}
        return {"resource": self.resource.id, "return": self.path, "flow": self.flow}

    def start(self) -> str:
        """Where a completed sign-in goes on, on the sign-in host."""
        return f"/start?{urlencode(self.fields)}" if self.resource else "/"

    def sign_in(self) -> str:
        """The sign-in page that leads there."""
        return f"/sign-in?{urlencode(self.fields)}" if self.resource else "/sign-in"

    def back(self, place: Place) -> str:
        """The resource itself, where a completed step-up goes on."""
        return f"{place.of(self.resource)}{self.path}" if self.resource else "/"

    def form_origins(self, place: Place) -> tuple[str, ...]:
        """The origins that a form's redirects may reach on the way."""
        return (place.of(self.resource),) if self.resource else ()


def read_continuation(field: Callable[[str], str], snapshot: Snapshot) -> Continuation:
    """The way on that `field` names. Raises DoorwardError `redirect-refused`.

    Only a resource of the estate and a path on its own host: never an address (open redirect).
    """
    resource_id = field("resource")
    if not resource_id:
        return Continuation()
    resource = snapshot.resources.get(resource_id)
    path, flow = field("return") or "/", field("flow")
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
