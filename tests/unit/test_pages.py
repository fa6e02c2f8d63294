"""The shared pages: escaping, assets, headers, words."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import get_args

import httpx
import msgspec
import pytest
from jinja2 import UndefinedError
from starlette.applications import Starlette
from starlette.routing import Mount

from doorward.entrypoints import pages
from doorward.entrypoints.pages.assets import DIGESTS, STATIC_PATH, asset
from doorward.entrypoints.pages.denied import Denial, denied_page
from doorward.entrypoints.pages.headers import content_security_policy, page_headers
from doorward.entrypoints.pages.static_files import static_files
from doorward.entrypoints.pages.templates import render
from doorward.entrypoints.pages.times import ago, iso, moment
from doorward.entrypoints.pages.words import REASONS, REMEDIES
from doorward.model.decision import Deny, ReasonCode, Remedy, RemedyKind
from doorward.model.ids import DecisionId

PAGES = Path(pages.__file__).parent
NOON = 1795348800.0  # 2026-11-22T12:00:00Z


def test_every_reason_and_remedy_has_words() -> None:
    assert set(REASONS) == set(get_args(ReasonCode))
    assert set(REMEDIES) == set(get_args(RemedyKind))


def test_vendored_files_are_as_published() -> None:
    table = tomllib.loads((PAGES / "vendored.toml").read_text())
    listed = set()
    for file in table["file"]:
        listed |= {file["path"], file["licence_path"]}
        assert hashlib.sha256((PAGES / file["path"]).read_bytes()).hexdigest() == file["sha256"]
    present = {p.relative_to(PAGES).as_posix() for p in (PAGES / "static/vendor").iterdir()}
    assert present == listed


def test_the_stylesheet_and_templates_hold_nothing_that_the_policy_blocks() -> None:
    for template in PAGES.parent.rglob("templates/**/*.html"):
        text = template.read_text()
        assert " style=" not in text, template
        assert "<style" not in text, template
        assert "javascript:" not in text, template
        assert "hx-on" not in text, template
        assert "|safe" not in text.replace(" ", ""), template
        for tag in text.split("<script")[1:]:
            assert tag.lstrip().startswith(("src=", "defer src=", 'type="module" src=')), template
    assert "url(" not in (PAGES / "static/doorward.css").read_text()


def test_content_security_policy_names_foreign_form_origins() -> None:
    policy = content_security_policy(["https://auth.example.test"])
    assert "default-src 'none'" in policy
    assert "form-action 'self' https://auth.example.test;" in policy
    assert "unsafe" not in policy
    assert page_headers()["cache-control"] == "no-store"


def test_a_missing_value_is_an_error() -> None:
    with pytest.raises(UndefinedError):
        render("message.html", title="only a title")


def test_values_are_escaped() -> None:
    page = render("message.html", title="<script>alert(1)</script>", text='"><img src=x>')
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert "&lt;script&gt;" in page


def test_denied_page_says_why_and_what_to_do() -> None:
    deny = Deny(
        reason="no-policy-permits",
        facts=msgspec.Raw(b"{}"),
        remedies=(
            Remedy(kind="step-up"),
            Remedy(kind="wait", until=NOON),
            Remedy(kind="ask-access", target="<alice>"),
        ),
    )
    page = denied_page(
        Denial(
            deny=deny,
            decision=DecisionId("dec_42"),
            resource_name="Payroll & <b>",
            timezone="Europe/Berlin",
            person="bob",
            retry="/run?a=1&b=2",
            links={"step-up": "https://auth.example.test/step-up?x=1&y=2"},
            sign_out="/.doorward/sign-out",
        )
    )
    assert REASONS["no-policy-permits"].title in page
    assert 'href="https://auth.example.test/step-up?x=1&amp;y=2"' in page
    assert "It opens on Sunday 22 November, 13:00 CET." in page
    assert "&lt;alice&gt;" in page
    assert "<b>" not in page
    assert "dec_42" in page
    assert 'action="/.doorward/sign-out"' in page


@pytest.mark.parametrize("reason", get_args(ReasonCode))
def test_denied_page_renders_for_every_reason(reason: ReasonCode) -> None:
    deny = Deny(reason=reason, facts=msgspec.Raw(b"{}"))
    page = denied_page(Denial(deny=deny, decision=DecisionId("dec_1"), resource_name="Wiki"))
    assert "dec_1" in page
    assert "What you can do" not in page


def test_the_denied_page_loads_no_web_framework() -> None:
    code = (
        "import sys, doorward.entrypoints.pages.denied, doorward.entrypoints.pages.headers;"
        "sys.exit(any(m in sys.modules for m in ('starlette', 'fastapi', 'httpx', 'sqlalchemy')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


async def test_static_files_are_kept_for_ever_only_under_their_digest() -> None:
    transport = httpx.ASGITransport(Starlette(routes=[Mount(STATIC_PATH, static_files())]))
    async with httpx.AsyncClient(transport=transport, base_url="http://wiki.test") as client:
        exact = await client.get(asset("doorward.css"))
        assert exact.status_code == 200
        assert "immutable" in exact.headers["cache-control"]
        assert exact.headers["x-content-type-options"] == "nosniff"
        for query in ("", "?v=", "?v=0000000000000000"):
            stale = await client.get(f"{STATIC_PATH}/doorward.css{query}")
            assert stale.headers["cache-control"] == "no-cache"
        outside = await client.get(f"{STATIC_PATH}/%2e%2e/templates.py")
        assert outside.status_code == 404
    assert "vendor/htmx-2.0.11.min.js" in DIGESTS


def test_times_carry_their_zone() -> None:
    assert moment(NOON) == "2026-11-22 12:00:00 UTC"
    assert iso(NOON) == "2026-11-22T12:00:00.000Z"


@pytest.mark.parametrize(
    ("difference", "text"),
    [
        (0.4, "now"),
        (3, "3 s ago"),
        (61, "1 min ago"),
        (7300, "2 h ago"),
        (3 * 86400, "3 days ago"),
        (-90, "in 1 min"),
    ],
)
def test_ago(difference: float, text: str) -> None:
    assert ago(NOON - difference, NOON) == text
