"""The reports: a plain JSON API."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

reports: dict[str, dict[str, object]] = {
    "2026-q1": {"id": "2026-q1", "title": "First quarter", "revenue": 412_000},
    "2026-q2": {"id": "2026-q2", "title": "Second quarter", "revenue": 438_500},
    "2026-q3": {"id": "2026-q3", "title": "Third quarter", "revenue": 455_250},
}


async def index(request: Request) -> JSONResponse:
    """All reports, and for whom they are shown."""
    return JSONResponse(
        {"for": request.headers.get("doorward-user"), "reports": list(reports.values())}
    )


async def show(request: Request) -> JSONResponse:
    """One report."""
    report = reports.get(request.path_params["report"])
    if report is None:
        raise HTTPException(404)
    return JSONResponse(report)


async def search(request: Request) -> JSONResponse:
    """The reports whose title holds `term`."""
    body = await request.json()
    term = str(body.get("term", "") if isinstance(body, dict) else "").lower()
    found = [report for report in reports.values() if term in str(report["title"]).lower()]
    return JSONResponse({"reports": found})


async def put(request: Request) -> JSONResponse:
    """Write one report."""
    body = await request.json()
    if not isinstance(body, dict):
        raise HTTPException(400)
    report = {
        "id": request.path_params["report"],
        "title": str(body.get("title", "")),
        "revenue": body.get("revenue"),
    }
    reports[request.path_params["report"]] = report
    return JSONResponse(report)


application = Starlette(
    routes=[
        Route("/", index),
        Route("/reports", index),
        Route("/reports/search", search, methods=["POST"]),
        Route("/reports/{report}", show, methods=["GET"]),
        Route("/reports/{report}", put, methods=["PUT"]),
    ]
)
