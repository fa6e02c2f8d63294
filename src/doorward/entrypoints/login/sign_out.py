"""Signing out: this browser from a resource, or every device from the sign-in host."""

from __future__ import annotations

from starlette.responses import Response

from doorward.administrator.control_plane import Act
from doorward.administrator.federation.sign_out_there import SignOutThere, sign_out_there
from doorward.administrator.revoke_session import sign_out_session
from doorward.administrator.sign_out_everywhere import sign_out_everywhere
from doorward.entrypoints.login.answers import drop_cookie, page
from doorward.entrypoints.login.site import AUTH_LABEL
from doorward.entrypoints.login.visit import SESSION_COOKIE, Visit
from doorward.entrypoints.login.wiring import (
    Wiring,
    require_signed_in,
    resource_here,
    session_of_cookie,
)

OF_THIS_BROWSER = "This browser is signed out of every application."
OF_ALL = "Every session of yours has ended, on all your devices and in all applications."


async def ask_everywhere(wiring: Wiring, visit: Visit) -> Response:
    """A link changes nothing: the page asks first."""
    require_signed_in(wiring, visit)
    return page("sign_out.html", scope="On all your devices, and in every application.")


async def everywhere(wiring: Wiring, visit: Visit) -> Response:
    """End every session of this person."""
    person = require_signed_in(wiring, visit)
    await sign_out_everywhere(wiring.control, person.act(visit.now), person.user.id)
    return signed_out(
        OF_ALL, "/sign-in", await sign_out_there(wiring.federation, person.session, visit.now)
    )


async def ask_here(wiring: Wiring, visit: Visit) -> Response:
    """As `ask_everywhere`, at a resource."""
    resource_here(wiring, visit)
    return page("sign_out.html", scope="In this browser, and in every application that it uses.")


async def here(wiring: Wiring, visit: Visit) -> Response:
    """End the session behind this resource's cookie, with all its cookies."""
    resource = resource_here(wiring, visit)
    session = session_of_cookie(wiring, visit, resource.id)
    there = None
    if session is not None:
        act = Act(f"user:{session.user}", visit.now)
        await sign_out_session(wiring.control, act, session.id, "signed out")
        there = await sign_out_there(wiring.federation, session, visit.now)
    return signed_out(OF_THIS_BROWSER, f"{visit.place.beside(AUTH_LABEL)}/sign-in", there)


def signed_out(text: str, sign_in: str, there: SignOutThere | None = None) -> Response:
    """The page after a session has ended, without its cookie; `sign_in` leads back in.

    `there` is where the provider of that session ends its own, which would let whoever has this
    browser next back in.
    """
    response = page(
        "message.html",
        title="You are signed out",
        text=text,
        action_label="Sign in again",
        action_href=sign_in,
        there=there,
    )
    drop_cookie(response, SESSION_COOKIE)
    return response
