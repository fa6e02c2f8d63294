"""The addresses of a person's own pages."""

from __future__ import annotations

from starlette.routing import BaseRoute

from doorward.entrypoints.login.account import overview
from doorward.entrypoints.login.account.visit import account_page
from doorward.entrypoints.login.wiring import Wiring


def account_routes(wiring: Wiring) -> list[BaseRoute]:
    """Every page and every act below `/account`."""
    return [
        account_page(wiring, "/account", overview.show),
    ]
