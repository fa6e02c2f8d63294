"""The static files as an ASGI application, to be mounted at `assets.STATIC_PATH` on every host."""

from __future__ import annotations

from urllib.parse import parse_qs

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from doorward.entrypoints.pages.assets import DIGESTS, FOLDER
from doorward.entrypoints.pages.headers import ORIGIN_ISOLATION

_YEAR_SECONDS = 365 * 24 * 3600


class _VersionedFiles(StaticFiles):
    """A file asked for by its own digest may be kept for ever; any other only after asking."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        asked = parse_qs(scope["query_string"].decode("latin-1")).get("v", [""])[0]
        exact = bool(asked) and asked == DIGESTS.get(path)
        response.headers["cache-control"] = (
            f"public, max-age={_YEAR_SECONDS}, immutable" if exact else "no-cache"
        )
        response.headers.update(ORIGIN_ISOLATION)
        return response


def static_files() -> StaticFiles:
    """Mount this at `/.doorward/static`."""
    return _VersionedFiles(directory=FOLDER)
