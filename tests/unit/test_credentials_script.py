"""The script by which Envoy takes doorward's own credentials out of a request."""

from __future__ import annotations

import re
from importlib.resources import files
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lupa.luajit21 import LuaRuntime  # type: ignore[import-untyped]

_LUA = LuaRuntime(encoding="latin-1")
_LUA.execute((files("doorward.enforcement.envoy") / "credentials.lua").read_text())
_CLEAN = _LUA.eval(
    """function(cookie, authorization)
      local values = {cookie = cookie, authorization = authorization}
      local headers = {
        get = function(_, name) return values[name] end,
        replace = function(_, name, value) values[name] = value end,
        remove = function(_, name) values[name] = nil end,
      }
      envoy_on_request({headers = function() return headers end})
      return values.cookie or "absent", values.authorization or "absent"
    end"""
)


def cookies(sent: str) -> str:
    """What is left of a `Cookie` header, `absent` where it is gone."""
    left: str = _CLEAN(sent, None)[0]
    return left


def authorization(sent: str) -> str:
    """What is left of an `Authorization` header, `absent` where it is gone."""
    left: str = _CLEAN(None, sent)[1]
    return left


def own_names(header: str) -> list[str]:
    """The names of doorward's cookies in a header, as a lenient application splits it."""
    names = [pair.strip().lower() for pair in re.split("[;,]", header)]
    return [name for name in names if name.startswith("__host-doorward-")]


@pytest.mark.parametrize("separator", ["; ", ";", ";\t", " ; ", ";;", ","])
def test_no_order_of_cookies_leaves_one_of_doorwards(separator: str) -> None:
    kinds = ("a=1", "", "b", "x__Host-doorward-q=1")
    own = ("__Host-doorward-session=s", "__host-DOORWARD-ticket=t")
    for pairs in product(kinds + own, repeat=4):
        sent = separator.join(pairs).strip()
        left = cookies(sent)
        assert not own_names(left), pairs
        if not set(pairs) & set(own):
            assert left == sent
        elif separator == "; " and "" not in pairs:
            assert left == (separator.join(pair for pair in pairs if pair not in own) or "absent")


@given(st.lists(st.sampled_from(["__Host-doorward-", "__HOST-", *"=;, \taé"])))
def test_what_is_left_is_what_was_sent_without_ours(parts: list[str]) -> None:
    sent = "".join(parts)
    left = cookies(sent).replace("absent", "")
    assert not own_names(left)
    rest = iter(sent)
    assert all(character in rest for character in left)
    if not own_names(sent):
        assert left == sent


def test_a_long_header_is_cleaned_whole() -> None:
    long = "a=" + "x" * 60_000
    assert cookies(f"__Host-doorward-ticket={'t' * 1000}; {long}") == long
    assert cookies("; ".join(["__Host-doorward-x=1"] * 3000)) == "absent"


@pytest.mark.parametrize(
    ("sent", "left"),
    [
        ("Basic YTpi", "Basic YTpi"),
        ("Bearer other", "Bearer other"),
        ("Bearer dwt_1.secret", "absent"),
        ("bEaReR   dwt_1.secret", "absent"),
        ("Bearer \tdwt_1.secret", "absent"),
        ("Basic YTpi,Bearer dwt_1.secret", "absent"),
    ],
)
def test_a_service_token_goes_with_its_header(sent: str, left: str) -> None:
    assert authorization(sent) == left


def test_a_header_without_ours_is_not_written_anew() -> None:
    assert cookies(" a=1 ,b=2;") == " a=1 ,b=2;"


def test_a_header_that_cannot_be_cleaned_is_taken_away() -> None:
    broken = LuaRuntime(encoding="latin-1")
    broken.execute("string.lower = error")
    broken.execute((files("doorward.enforcement.envoy") / "credentials.lua").read_text())
    left = broken.eval(
        """function()
          local values = {cookie = "a=1", authorization = "Basic YTpi"}
          local headers = {
            get = function(_, name) return values[name] end,
            remove = function(_, name) values[name] = nil end,
          }
          envoy_on_request({headers = function() return headers end})
          return next(values) == nil
        end"""
    )()
    assert left is True
