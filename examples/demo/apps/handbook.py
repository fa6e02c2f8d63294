"""The handbook: static pages."""

from __future__ import annotations

from pathlib import Path

from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

application = Starlette(
    routes=[Mount("/", StaticFiles(directory=Path(__file__).parent / "handbook", html=True))]
)
