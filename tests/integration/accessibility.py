"""What axe-core finds wrong with a page, as sentences."""

from __future__ import annotations

from functools import cache

from playwright.async_api import Page

from tests.tools import require_node_package


@cache
def _axe() -> str:
    return (require_node_package("axe-core") / "axe.min.js").read_text("utf-8")


async def violations(page: Page) -> list[str]:
    """Each violation with the elements that it is about; folded parts are opened first.

    The content security policy lets no script in, so axe is evaluated by the debugger.
    """
    await page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    await page.evaluate(_axe())
    found = await page.evaluate("axe.run().then((results) => results.violations)")
    return [
        f"{item['id']} ({item['impact']}): {node['html'][:160]} {node['failureSummary']}"
        for item in found
        for node in item["nodes"]
    ]
