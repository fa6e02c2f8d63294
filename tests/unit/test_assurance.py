"""What a sign-in elsewhere is worth: what is not plain is a single factor."""

from __future__ import annotations

import pytest

from doorward.administrator.authentication import Said
from doorward.administrator.federation.assurance import (
    Assurance,
    acr_values,
    assurance,
    can_reach,
    satisfies,
)
from doorward.model.estate import AssuranceRow
from tests.fakes.provider import declared


def said(acr: str = "", *amr: str) -> Said:
    return Said("https://id.example", acr, amr)


@pytest.mark.parametrize(
    ("amr", "aal"),
    [
        ((), 1),
        (("pwd",), 1),
        (("pwd", "pin"), 1),
        (("otp",), 1),
        (("hwk",), 1),
        (("hwk", "user"), 1),
        (("pwd", "sms"), 1),
        (("pwd", "tel"), 1),
        (("pwd", "kba"), 1),
        (("pwd", "mca"), 1),
        (("pwd", "rba", "geo", "wia"), 1),
        (("pwd", "unheard-of"), 1),
        (("PWD", "OTP"), 1),
        (("mfa",), 2),
        (("pwd", "otp"), 2),
        (("hwk", "pin"), 2),
        (("swk", "fpt"), 2),
        (("face", "pwd"), 2),
    ],
)
def test_methods_by_themselves(amr: tuple[str, ...], aal: int) -> None:
    reached = assurance(declared(), said("", *amr))
    assert reached == Assurance(aal, phishing_resistant=False)
    assert reached.multi_factor == (aal > 1)


def test_only_rows_make_it_stronger() -> None:
    plain = declared()
    assert not assurance(plain, said("phr", "hwk", "pin", "mfa")).phishing_resistant
    provider = declared(
        acr=(AssuranceRow(value="phr", aal=2, phishing_resistant=True),),
        amr=(AssuranceRow(value="hwk", aal=3),),
    )
    assert assurance(provider, said("phr")) == Assurance(2, phishing_resistant=True)
    assert assurance(provider, said("phr", "hwk")) == Assurance(3, phishing_resistant=True)
    assert assurance(provider, said("", "hwk")) == Assurance(3, phishing_resistant=False)
    assert assurance(provider, said("PHR")) == Assurance(1, phishing_resistant=False)


def test_a_provider_that_says_nothing_proves_nothing() -> None:
    provider = declared(acr=(AssuranceRow(value="", aal=3, phishing_resistant=True),))
    assert assurance(provider, said("")) == Assurance(1, phishing_resistant=False)


def test_a_row_that_says_weak_is_believed_before_the_methods() -> None:
    provider = declared(acr=(AssuranceRow(value="0", aal=1),))
    assert assurance(provider, said("0", "mfa")).aal == 1


@pytest.mark.parametrize(
    ("reached", "satisfied"),
    [
        (Assurance(1, phishing_resistant=False), {"fresh"}),
        (Assurance(1, phishing_resistant=True), {"fresh", "phishing-resistant"}),
        (Assurance(2, phishing_resistant=False), {"fresh", "multi-factor"}),
        (Assurance(3, phishing_resistant=False), {"fresh", "multi-factor"}),
        (
            Assurance(3, phishing_resistant=True),
            {"fresh", "multi-factor", "phishing-resistant", "hardware-key", "unheard-of"},
        ),
    ],
)
def test_what_satisfies_a_step_up(reached: Assurance, satisfied: set[str]) -> None:
    needs = {"fresh", "multi-factor", "phishing-resistant", "hardware-key", "unheard-of"}
    assert {need for need in needs if satisfies(reached, need)} == satisfied


def test_what_is_asked_for_is_what_would_do() -> None:
    provider = declared(
        acr=(
            AssuranceRow(value="pwd", aal=1),
            AssuranceRow(value="mfa", aal=2),
            AssuranceRow(value="phr", aal=2, phishing_resistant=True),
            AssuranceRow(value="phrh", aal=3, phishing_resistant=True),
        )
    )
    assert acr_values(provider, "fresh") == ()
    assert acr_values(provider, "multi-factor") == ("mfa", "phr", "phrh")
    assert acr_values(provider, "phishing-resistant") == ("phr", "phrh")
    assert acr_values(provider, "hardware-key") == ("phrh",)
    assert all(can_reach(provider, need) for need in ("fresh", "multi-factor", "hardware-key"))
    assert not can_reach(declared(), "phishing-resistant")
    assert not can_reach(declared(), "hardware-key")
