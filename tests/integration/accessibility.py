"""What axe-core finds wrong with a page, as sentences."""

from __future__ import annotations

from functools import cache

from playwright.async_api import Page

from tests.tools import require_node_package

_RUN = """(only) => axe.run({
    resultTypes: ["violations"],
    ...(only ? {runOnly: {type: "rule", values: [only]}} : {}),
}).then((results) => results.violations)"""


@cache
def _axe() -> str:
    return (require_node_package("axe-core") / "axe.min.js").read_text("utf-8")


async def violations(page: Page) -> list[str]:
    """Each violation with the elements that it is about; folded parts are opened first.

    The page is judged in light; in dark only its colours are others, so only contrast is judged
    again. The content security policy lets no script in, so axe is evaluated by the debugger.
    """
    await page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(_axe())
    await page.emulate_media(color_scheme="light")
    light = await page.evaluate(_RUN, "")
    await page.emulate_media(color_scheme="dark")
    dark = await page.evaluate(_RUN, "color-contrast")
    return [
        f"{where}{item['id']} ({item['impact']}): {node['html'][:160]} {node['failureSummary']}"
        for where, found in (("", light), ("in dark: ", dark))
        for item in found
        for node in item["nodes"]
    ]
