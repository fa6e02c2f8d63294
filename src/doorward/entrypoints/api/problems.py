"""Errors as problem+json (RFC 9457): one table from error code to HTTP status."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from doorward.entrypoints.api.body_size import MAX_BODY_MEBIBYTES
from doorward.entrypoints.api.views import Problem, SourceProblem
from doorward.entrypoints.unexpected import UnexpectedErrors
from doorward.errors import DoorwardError, EstateError

STATUS: Mapping[str, int] = MappingProxyType(
    {
        "audit-head-invalid": 500,
        "audit-head-unwritten": 503,
        "case-closed": 409,
        "case-decided": 409,
        "case-of-another": 409,
        "case-open": 409,
        "case-undecided": 409,
        "checklist-incomplete": 409,
        "cross-site-request": 403,
        "device-cloned": 403,
        "device-exists": 409,
        "device-without-tpm": 404,
        "device-suspended": 403,
        "enrolment-refused": 403,
        "estate-shuts-out": 409,
        "evidence-insufficient": 409,
        "evidence-of-another": 409,
        "first-verifier-unfit": 409,
        "hardware-enrolled": 409,
        "internal-error": 500,
        "measured-anew": 409,
        "method-not-allowed": 405,
        "message-replayed": 409,
        "nonce-stale": 409,
        "osquery-crowded": 429,
        "osquery-device-taken": 409,
        "osquery-secret-wrong": 403,
        "osquery-throttled": 429,
        "not-authenticated": 401,
        "not-found": 404,
        "nothing-measured": 409,
        "password-not-off": 409,
        "other-area": 403,
        "provider-invalid": 502,
        "provider-unreachable": 503,
        "receiver-needed": 403,
        "request-invalid": 400,
        "recovery-code-unknown": 422,
        "recovery-code-wrong": 422,
        "recovery-needs-person": 403,
        "recovery-own": 403,
        "request-too-large": 413,
        "signature-wrong": 401,
        "second-verifier-needed": 403,
        "signals-not-offered": 404,
        "signals-too-many": 429,
        "signing-key-missing": 503,
        "store-conflict": 409,
        "transmitter-connected": 409,
        "transmitter-disconnected": 409,
        "transmitter-invalid": 502,
        "transmitter-refused": 502,
        "transmitter-secret-missing": 409,
        "transmitter-unreachable": 503,
        "store-corrupt": 500,
        "store-full": 503,
        "store-read-only": 503,
        "store-unavailable": 503,
        "stream-held": 403,
        "stream-limit": 409,
        "subject-limit": 403,
        "too-many-attempts": 429,
        "user-inactive": 409,
        "user-provisioned": 409,
        "training-of-oneself": 403,
        "user-disabled": 409,
        "verification-ended": 409,
        "verification-too-soon": 429,
        "verifier-is-subject": 403,
        "verifier-person-needed": 403,
        "verifier-role-missing": 403,
        "verifier-stale": 403,
        "approver-stale": 403,
        "verifier-untrained": 403,
        "workload-not-here": 403,
    }
)
"""Error code to HTTP status. Others: 404 where the code ends in `-unknown`, else 400."""


def status(code: str) -> int:
    """The HTTP status of an error code."""
    return STATUS.get(code, 404 if code.endswith("-unknown") else 400)


def problem(error: DoorwardError) -> Problem:
    """The problem document of an error."""
    code = status(error.code)
    errors = error.errors if isinstance(error, EstateError) else None
    return Problem(
        type=f"urn:doorward:error:{error.code}",
        title=HTTPStatus(code).phrase,
        status=code,
        code=error.code,
        detail=error.detail,
        remedy=error.remedy,
        errors=None if errors is None else tuple(map(SourceProblem.model_validate, errors)),
    )


def answer(error: DoorwardError) -> Response:
    """The problem document as a response."""
    document = problem(error)
    return Response(
        document.model_dump_json(exclude_none=True),
        status_code=document.status,
        media_type="application/problem+json",
        headers={"cache-control": "no-store"},
    )


def install(app: FastAPI) -> None:
    """Answer every error of `app` as a problem document."""

    @app.exception_handler(DoorwardError)
    async def known(_: Request, error: DoorwardError) -> Response:
        return answer(error)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"][1:])
        return answer(
            DoorwardError(
                "request-invalid",
                f"{field or 'The body'}: {first['msg']}.",
                "docs/reference/api.md says what it may hold.",
            )
        )

    @app.exception_handler(HTTPException)
    async def unanswered(_: Request, error: HTTPException) -> Response:
        if error.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            return answer(
                DoorwardError(
                    "request-too-large",
                    f"The body is larger than {MAX_BODY_MEBIBYTES} MiB.",
                    "Send less; keep what is not part of the estate out of its files.",
                )
            )
        code = {404: "not-found", 405: "method-not-allowed"}.get(
            error.status_code, "request-invalid"
        )
        return answer(
            DoorwardError(
                code, "Nothing answers this.", "docs/reference/api.md lists the paths and methods."
            )
        )

    app.add_middleware(UnexpectedErrors, answer=answer)
