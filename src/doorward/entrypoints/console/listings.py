"""The pages that list: overview, sessions, people, resources, tokens, audit."""

from __future__ import annotations

from urllib.parse import quote

from starlette.responses import Response

from doorward.administrator.credentials.held import held_by
from doorward.administrator.credentials.vouching import vouches
from doorward.administrator.ports import DecisionQuery
from doorward.administrator.verify_audit import verify_audit
from doorward.entrypoints.api import reads
from doorward.entrypoints.api.clients import client_session_views, client_views
from doorward.entrypoints.api.directory import directory_view
from doorward.entrypoints.api.overview import status_now
from doorward.entrypoints.api.providers import links_of
from doorward.entrypoints.api.sign_ins import SignInView
from doorward.entrypoints.api.views import AuditView, DecisionView
from doorward.entrypoints.console.decisions import newest
from doorward.entrypoints.console.visit import Visit
from doorward.errors import DoorwardError
from doorward.model.ids import SessionId

_AUDIT_SHOWN = 200
_RECENT = 20
_DENIED_READ = 200
_DENIED_SHOWN = 10
_PEOPLE_SHOWN = 100
_LONGEST_SEARCH = 200


async def overview(visit: Visit) -> Response:
    """The health of all parts, and what was denied lately."""
    return visit.page(
        "overview.html",
        status=await status_now(visit.context),
        sessions=len(reads.sessions(visit.snapshot, visit.now)),
        people=len(visit.snapshot.users),
        resources=len(visit.snapshot.resources),
        policies=len(visit.snapshot.policies),
        denied=await _denied_lately(visit),
    )


async def _denied_lately(visit: Visit) -> list[DecisionView]:
    """Denials of somebody known; a first visit that is sent to sign in is none worth a look."""
    found = await newest(visit, DecisionQuery(outcome="deny", limit=_DENIED_READ))
    return [view for view in found if view.reason != "not-signed-in"][:_DENIED_SHOWN]


async def sessions(visit: Visit) -> Response:
    """Who is signed in."""
    return visit.page("sessions.html", sessions=reads.sessions(visit.snapshot, visit.now))


async def people(visit: Visit) -> Response:
    """Everyone, or those whom a search finds, a hundred at a time; and the directory."""
    asked = visit.request.query_params
    search = asked.get("q", "").strip()[:_LONGEST_SEARCH]
    offset = int(asked["from"]) if asked.get("from", "").isdecimal() else 0
    found, total = reads.users(
        visit.snapshot, visit.now, search=search, offset=offset, limit=_PEOPLE_SHOWN
    )
    return visit.page(
        "people.html",
        people=found,
        search=search,
        total=total,
        offset=offset,
        shown=_PEOPLE_SHOWN,
        directory=directory_view(await visit.context.directory.summary()),
    )


async def person(visit: Visit) -> Response:
    """One person: standing, sessions, ways to sign in, devices, recent sign-ins and decisions."""
    user = visit.snapshot.users.get(visit.request.path_params["user"])
    if user is None:
        raise DoorwardError(
            "user-unknown", "The estate has no such person.", "Choose one under People."
        )
    async with visit.context.control.store.transaction() as transaction:
        sign_ins = await transaction.sign_ins.of(user.id, limit=_RECENT)
        cases = await transaction.identity.cases.of(user.id)
        verified = await transaction.identity.verifications.of(user.id)
        held = await held_by(transaction, user.id)
        further = await transaction.identity.notice_addresses.of(user.id)
    return visit.page(
        "person.html",
        vouch=(held.passkeys or held.password)
        and not vouches(visit.snapshot, visit.act, SessionId(visit.actor.session)),
        step_up=visit.step_up(f"/people/{quote(user.id, safe='')}"),
        credentials=reads.credentials(visit.snapshot, held, further),
        person=reads.user_view(visit.snapshot, user, visit.now),
        sign_ins=[SignInView.model_validate(entry) for entry in sign_ins],
        sessions=reads.sessions(visit.snapshot, visit.now, user.id),
        devices=reads.devices(visit.snapshot, user.id),
        links=await links_of(visit.context, user.id),
        cases=[case for case in cases if case.state == "open"],
        verifications=[stored.verification for stored in verified if stored.end is None],
        decisions=await newest(visit, DecisionQuery(subject=user.id, limit=_RECENT)),
    )


async def resources(visit: Visit) -> Response:
    """Everything behind the gateway."""
    return visit.page("resources.html", resources=reads.resources(visit.snapshot))


async def resource(visit: Visit) -> Response:
    """One resource: label, owner, policies that name it, recent decisions."""
    found = visit.snapshot.resources.get(visit.request.path_params["resource"])
    if found is None:
        raise DoorwardError(
            "resource-unknown", "The estate has no such resource.", "Choose one under Resources."
        )
    view = reads.resource_view(visit.snapshot, found)
    return visit.page(
        "resource.html",
        resource=view,
        policies=[reads.policy_view(visit.snapshot, policy) for policy in view.policies],
        decisions=await newest(visit, DecisionQuery(resource=found.id, limit=_RECENT)),
    )


async def tokens(visit: Visit) -> Response:
    """Service tokens, without their secrets."""
    return visit.page("tokens.html", tokens=reads.tokens(visit.snapshot))


async def applications(visit: Visit) -> Response:
    """Clients of the OpenID Provider, and who is signed in to them."""
    store = visit.context.control.store
    return visit.page(
        "applications.html",
        clients=await client_views(store, visit.snapshot, visit.now),
        client_sessions=await client_session_views(store),
    )


async def audit(visit: Visit) -> Response:
    """The newest administrative acts, and whether the whole log is as it was written."""
    store = visit.context.control.store
    verdict = await verify_audit(store, visit.context.heads)
    async with store.transaction() as transaction:
        entries = await transaction.audit.latest(_AUDIT_SHOWN)
    return visit.page(
        "audit.html",
        fault=verdict.fault,
        checked=verdict.entries,
        entries=[AuditView.model_validate(entry) for entry in entries],
    )
