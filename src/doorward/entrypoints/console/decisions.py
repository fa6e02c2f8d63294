"""Live decisions, and the page that says why one was what it was."""

from __future__ import annotations

from urllib.parse import urlencode

from starlette.responses import Response

from doorward.administrator.ports import DecisionQuery
from doorward.entrypoints.api import reads
from doorward.entrypoints.api.decisions import decision_and_reused
from doorward.entrypoints.api.views import DecisionView
from doorward.entrypoints.console.facts import fact_rows
from doorward.entrypoints.console.visit import Visit
from doorward.errors import DoorwardError
from doorward.model.estate import CONTROL_UPSTREAM

_SHOWN = 100
_FIELDS = ("subject", "resource", "session", "outcome", "reason", "source")


async def live(visit: Visit) -> Response:
    """Decisions, newest first, by filter; the page asks for itself again while it is open."""
    asked = visit.request.query_params
    wanted = {name: asked[name].strip() for name in _FIELDS if asked.get(name, "").strip()}
    with_console = asked.get("console") == "1"
    before = _number(asked.get("before", ""))
    found = await visit.context.control.store.find_decisions(
        DecisionQuery(
            subject=wanted.get("subject"),
            resource=wanted.get("resource"),
            session=wanted.get("session"),
            outcome=wanted.get("outcome"),
            reason=wanted.get("reason"),
            source=wanted.get("source"),
            before=before,
            limit=_SHOWN * 3,
        )
    )
    shown = [
        stored
        for stored in found
        if with_console or not _own_visit(visit, stored.record.resource, stored.record.session)
    ][:_SHOWN]
    keep = urlencode({**wanted, **({"console": "1"} if with_console else {})})
    return visit.page(
        "decisions.html",
        decisions=[reads.decision_view(stored) for stored in shown],
        wanted={name: wanted.get(name, "") for name in _FIELDS},
        with_console=with_console,
        before=before,
        older=shown[-1].seq if len(shown) == _SHOWN else None,
        keep=keep,
    )


async def why(visit: Visit) -> Response:
    """One decision: outcome in words, policies, facts, remedies, and whose ticket it used."""
    decision_id = visit.request.path_params["decision"]
    stored, reused = await decision_and_reused(visit.context.control.store, decision_id)
    detail = reads.decision_detail(stored, reused, visit.snapshot)
    return visit.page("decision.html", decision=detail, facts=fact_rows(detail.facts))


async def newest(visit: Visit, query: DecisionQuery) -> list[DecisionView]:
    """The newest decisions that match."""
    found = await visit.context.control.store.find_decisions(query)
    return [reads.decision_view(stored) for stored in found]


def _own_visit(visit: Visit, resource: str, session: str) -> bool:
    """Whether a decision is about this very console being open: it would drown all others."""
    found = visit.snapshot.resources.get(resource)
    return (
        found is not None and found.upstream == CONTROL_UPSTREAM and session == visit.actor.session
    )


def _number(text: str) -> int | None:
    if not text:
        return None
    try:
        return int(text)
    except ValueError:
        raise DoorwardError(
            "request-invalid", "`before` is not a number.", "Follow the link of the page."
        ) from None
