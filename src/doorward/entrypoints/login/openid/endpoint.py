"""Routes that the pages' rules do not fit: for applications, and for forms of other sites."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from doorward.administrator.openid.attempts import note_attempt
from doorward.entrypoints.login.answers import error_status, failed, json
from doorward.entrypoints.login.visit import Visit
from doorward.entrypoints.login.wiring import Handler, Wiring, visit_of
from doorward.errors import DoorwardError
from doorward.protocol.openid.errors import OAuthCode, OpenidRefusedError
from doorward.protocol.openid.parameters import Parameters

_FORM = "application/x-www-form-urlencoded"
_STATUS: dict[OAuthCode, int] = {"invalid_client": 401, "invalid_token": 401}
_SERVER_ERROR = 500


def endpoint(wiring: Wiring, path: str, handler: Handler, *methods: str) -> Route:
    """For applications: no cookie is looked at, so no site can misuse a browser's."""

    async def answer(request: Request) -> Response:
        try:
            visit = visit_of(wiring, request, at_auth=True)
            try:
                return await handler(wiring, visit)
            except OpenidRefusedError as refused:
                if refused.why:
                    await note_attempt(wiring.openid, refused.why, visit.address, visit.now)
                raise
        except DoorwardError as error:
            return _refused(error)

    return Route(path, answer, methods=list(methods))


def browser_endpoint(wiring: Wiring, path: str, handler: Handler) -> Route:
    """For a form that another site's page sends here, by design: it must change nothing."""

    async def answer(request: Request) -> Response:
        try:
            return await handler(wiring, visit_of(wiring, request, at_auth=True))
        except DoorwardError as error:
            return failed(error, "page")

    return Route(path, answer, methods=["POST"])


async def form_parameters(visit: Visit) -> Parameters:
    """The parameters of a request's form. Raises OpenidRefusedError `invalid_request`."""
    content_type = visit.request.headers.get("content-type", "")
    if content_type.partition(";")[0].strip().lower() != _FORM:
        raise OpenidRefusedError("invalid_request", f"The body must be {_FORM}.")
    try:
        return Parameters(await visit.form_pairs())
    except OpenidRefusedError:
        raise
    except DoorwardError as error:
        raise OpenidRefusedError("invalid_request", "The form cannot be read.") from error


def _refused(error: DoorwardError) -> Response:
    """An error as RFC 6749, 5.2 has it, with the challenge that RFC 9110, 11.6.1 wants."""
    if isinstance(error, OpenidRefusedError):
        code, status = error.error, _STATUS.get(error.error, 400)
    else:
        status = error_status(error)
        code = "temporarily_unavailable" if status >= _SERVER_ERROR else "invalid_request"
    response = json({"error": code, "error_description": error.detail}, status)
    if code == "invalid_client":
        response.headers["www-authenticate"] = 'Basic realm="doorward", charset="UTF-8"'
    elif code == "invalid_token":
        response.headers["www-authenticate"] = (
            'Bearer realm="doorward", error="invalid_token",'
            ' error_description="The access token is not valid."'
        )
    return response
