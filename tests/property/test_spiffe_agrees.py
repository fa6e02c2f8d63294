"""SPIFFE IDs: what our parser reads, an independent one reads as the same text.

The other way round does not hold, and must not: that one takes `spiffe://CORP.test` and calls it
`spiffe://corp.test`. Two spellings of one name are compared as different somewhere.
"""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from spiffe import SpiffeId as TheirSpiffeId

from doorward.model.spiffe import (
    device_named_by,
    host_named_by,
    parse_spiffe_id,
    service_named_by,
)

PARTS = (
    "spiffe://",
    "SPIFFE://",
    "corp.test",
    "CORP.test",
    "/",
    "//",
    "device",
    "service",
    "a" * 64,
)
ODD = (".", "..", "%2e", "%41", " ", ":443", "user@", "?q", "#f", "é", "\x00", "\n", "_", "-")
texts = st.lists(st.sampled_from(PARTS + ODD), max_size=9).map("".join) | st.text(max_size=80)
canonical = st.from_regex(r"spiffe://[a-z0-9._-]{1,40}(/[A-Za-z0-9._-]{1,40}){1,4}", fullmatch=True)


@settings(max_examples=400)
@given(texts | canonical)
@example("spiffe://corp.test/a/../b")
@example("spiffe://corp.test/a/")
@example("spiffe://corp.test")
def test_what_we_read_they_read_as_the_same_text(text: str) -> None:
    ours = parse_spiffe_id(text)
    if ours is not None:
        assert str(ours) == text
        assert str(TheirSpiffeId(text)) == text
    for named_by in (device_named_by, service_named_by):
        if named_by(text) is not None:
            assert ours is not None


@pytest.mark.parametrize(
    "text",
    [
        "spiffe://CORP.test/device/laptop",
        "SPIFFE://corp.test/device/laptop",
        "Spiffe://Corp.Test/device/laptop",
    ],
)
def test_a_second_spelling_that_they_take_is_none_to_us(text: str) -> None:
    assert str(TheirSpiffeId(text)) != text
    assert parse_spiffe_id(text) is None


@settings(max_examples=200)
@given(st.text(max_size=160) | st.from_regex(r"serialNumber=[0-9a-f]{64},OU=[A-Za-z0-9._-]{1,70}"))
def test_a_subject_names_a_host_in_one_form_only(text: str) -> None:
    named = host_named_by(text)
    if named is not None:
        assert text == f"serialNumber={named.key},OU={named.device}"
