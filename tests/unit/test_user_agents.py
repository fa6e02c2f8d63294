"""What a browser calls itself, in words that a person recognises."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorward.entrypoints.pages.user_agents import browser_words

_WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
KNOWN = {
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_WEBKIT} Chrome/131.0.0.0 Safari/537.36": (
        "Chrome on Windows"
    ),
    f"Mozilla/5.0 (Windows NT 10.0) {_WEBKIT} Chrome/131.0.0.0 Safari/537.36 Edg/131.0.0.0": (
        "Edge on Windows"
    ),
    f"Mozilla/5.0 (Linux; Android 10; K) {_WEBKIT} Chrome/131.0.0.0 Mobile Safari/537.36": (
        "Chrome on Android"
    ),
    f"Mozilla/5.0 (Linux; Android 13) {_WEBKIT} SamsungBrowser/27.0 Chrome/125.0 Mobile": (
        "Samsung Internet on Android"
    ),
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.1 Safari/605.1.15": "Safari on macOS",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
    "Gecko) CriOS/131.0 Mobile/15E148 Safari/604.1": "Chrome on iPhone",
    "Mozilla/5.0 (iPad; CPU OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "FxiOS/132.0 Mobile/15E148 Safari/605.1.15": "Firefox on iPad",
    "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0": "Firefox on Linux",
    f"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {_WEBKIT} Chrome/131.0.0.0 Safari/537.36": (
        "Chrome on ChromeOS"
    ),
    f"Mozilla/5.0 (X11; Linux x86_64) {_WEBKIT} HeadlessChrome/131.0 Safari/537.36": (
        "Chromium on Linux"
    ),
    "curl/8.5.0": "curl",
    "Something/1.0 (Windows NT 10.0)": "A browser on Windows",
    "": "An unknown browser",
    "<script>alert(1)</script>": "An unknown browser",
}


@pytest.mark.parametrize(("user_agent", "words"), KNOWN.items())
def test_a_browser_is_told_from_those_it_claims_to_be(user_agent: str, words: str) -> None:
    assert browser_words(user_agent) == words


@given(st.text())
def test_whatever_is_claimed_only_words_of_ours_come_out(user_agent: str) -> None:
    words = browser_words(user_agent)
    assert words.isprintable()
    assert len(words) < 40
