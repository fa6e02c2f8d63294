"""Notes: a small application that stands elsewhere and signs people in with Authlib's client.

    python notes.py PORT ISSUER CLIENT < SECRET

It keeps what it learns in memory: `/` shows it, `/told` the logout tokens that reached it.
"""

from __future__ import annotations

import html
import json
import secrets
import sys
import time
from typing import Any

import httpx
import uvicorn
from authlib.integrations.httpx_client import AsyncOAuth2Client
from joserfc import jwt
from joserfc.jwk import KeySet
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

PORT, ISSUER, CLIENT = int(sys.argv[1]), sys.argv[2], sys.argv[3]
SECRET = sys.stdin.readline().strip()
OWN = f"http://127.0.0.1:{PORT}"
EVENT = "http://schemas.openid.net/event/backchannel-logout"

sessions: dict[str, dict[str, Any]] = {}
begun: dict[str, str] = {}
told: list[dict[str, Any]] = []


class Local(httpx.AsyncHTTPTransport):
    """Names below `.localhost` resolve in browsers only."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        request.url = request.url.copy_with(host="127.0.0.1")
        return await super().handle_async_request(request)


async def get(url: str) -> Any:
    async with httpx.AsyncClient(transport=Local()) as client:
        return (await client.get(url)).json()


async def metadata() -> dict[str, str]:
    found: dict[str, str] = await get(f"{ISSUER}/.well-known/openid-configuration")
    return found


async def verified(token: str) -> dict[str, Any]:
    keys = KeySet.import_key_set(await get((await metadata())["jwks_uri"]))
    claims = dict(jwt.decode(token, keys, algorithms=["RS256"]).claims)
    if (claims["iss"], claims["aud"]) != (ISSUER, CLIENT) or claims["exp"] <= time.time():
        raise ValueError(claims)
    return claims


def client(token: dict[str, Any] | None = None) -> AsyncOAuth2Client:
    return AsyncOAuth2Client(
        CLIENT,
        SECRET,
        scope="openid profile email offline_access",
        redirect_uri=f"{OWN}/callback",
        code_challenge_method="S256",
        transport=Local(),
        token=token,
    )


async def home(request: Request) -> Response:
    session = sessions.get(request.cookies.get("notes", ""))
    if session is None:
        return RedirectResponse("/login")
    shown = html.escape(json.dumps(session["claims"], indent=1))
    name = html.escape(session["claims"]["name"])
    return HTMLResponse(f"<h1>Notes of {name}</h1><pre>{shown}</pre>")


async def login(request: Request) -> Response:
    verifier = secrets.token_urlsafe(48)
    async with client() as oauth:
        url, state = oauth.create_authorization_url(
            (await metadata())["authorization_endpoint"],
            code_verifier=verifier,
            nonce=verifier[:16],
            **dict(request.query_params),
        )
    begun[state] = verifier
    return RedirectResponse(url)


async def callback(request: Request) -> Response:
    if "error" in request.query_params:
        return HTMLResponse(f"<h1>Not signed in: {request.query_params['error']}</h1>", 403)
    verifier = begun.pop(request.query_params["state"])
    async with client() as oauth:
        token = await oauth.fetch_token(
            (await metadata())["token_endpoint"],
            authorization_response=str(request.url),
            code_verifier=verifier,
        )
    claims = await verified(token["id_token"])
    if claims["nonce"] != verifier[:16]:
        return Response(status_code=403)
    key = secrets.token_urlsafe()
    sessions[key] = {"claims": claims, "token": token}
    response = RedirectResponse("/")
    response.set_cookie("notes", key, httponly=True)
    return response


async def logout(request: Request) -> Response:
    session = sessions.pop(request.cookies["notes"])
    where = httpx.URL(
        (await metadata())["end_session_endpoint"],
        params={
            "id_token_hint": session["token"]["id_token"],
            "post_logout_redirect_uri": f"{OWN}/bye",
            "state": "s",
        },
    )
    return RedirectResponse(str(where))


async def bye(_: Request) -> Response:
    return HTMLResponse("<h1>Goodbye</h1>")


async def backchannel(request: Request) -> Response:
    claims = await verified(str((await request.form())["logout_token"]))
    if EVENT not in claims["events"] or "nonce" in claims:
        return Response(status_code=400)
    told.append({"at": time.time(), "claims": claims})
    for key in [k for k, s in sessions.items() if s["claims"]["sid"] == claims["sid"]]:
        del sessions[key]
    return Response(status_code=200)


async def what_was_told(_: Request) -> Response:
    return JSONResponse(told)


app = Starlette(
    routes=[
        Route("/", home),
        Route("/login", login),
        Route("/callback", callback),
        Route("/logout", logout),
        Route("/bye", bye),
        Route("/backchannel", backchannel, methods=["POST"]),
        Route("/told", what_was_told),
    ]
)

if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=PORT, log_level="warning")
