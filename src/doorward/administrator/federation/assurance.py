"""How strong a sign-in at a provider was, from its `acr` and `amr`. Pure.

Nothing is assumed: what the estate's rows do not name and RFC 8176 does not make plain is a single
factor, AAL 1. Only a row makes a sign-in phishing-resistant or AAL 3.
"""

from __future__ import annotations

from dataclasses import dataclass

from doorward.administrator.authentication import Said
from doorward.model.estate import AssuranceRow, IdentityProvider

_KNOWLEDGE = frozenset({"pwd", "pin"})
_POSSESSION = frozenset({"hwk", "swk", "otp", "sc", "pop"})
_INHERENCE = frozenset({"face", "fpt", "iris", "retina", "vbm"})
_KINDS = (_KNOWLEDGE, _POSSESSION, _INHERENCE)
_SEVERAL = "mfa"
"""RFC 8176, 2. Codes by message or call (`sms`, `tel`), questions (`kba`) and risk count for
nothing: SP 800-63B restricts or refuses them."""

MULTI_FACTOR_AAL = 2


@dataclass(frozen=True, slots=True)
class Assurance:
    """What an authentication is worth (SP 800-63B)."""

    aal: int
    phishing_resistant: bool

    @property
    def multi_factor(self) -> bool:
        return self.aal >= MULTI_FACTOR_AAL


def assurance(provider: IdentityProvider, said: Said) -> Assurance:
    """The strongest of the estate's rows that apply; without one, what `amr` makes plain.

    To say nothing is no value, whatever an estate of before calls it.
    """
    rows = [row for row in provider.acr if said.acr and row.value == said.acr]
    rows += [row for row in provider.amr if row.value in said.amr]
    if not rows:
        return Assurance(_aal(frozenset(said.amr)), phishing_resistant=False)
    return Assurance(max(row.aal for row in rows), any(row.phishing_resistant for row in rows))


def acr_values(provider: IdentityProvider, need: str) -> tuple[str, ...]:
    """The `acr` values to ask for, where a step-up has to reach `need`."""
    return tuple(row.value for row in provider.acr if need != "fresh" and _reaches(row, need))


def can_reach(provider: IdentityProvider, need: str) -> bool:
    """Whether a sign-in at `provider` could be what a step-up asks."""
    rows = (*provider.acr, *provider.amr)
    return need in {"fresh", "multi-factor"} or any(_reaches(row, need) for row in rows)


def _reaches(row: AssuranceRow, need: str) -> bool:
    return satisfies(Assurance(row.aal, row.phishing_resistant), need)


def satisfies(reached: Assurance, need: str) -> bool:
    """Whether `reached` is what a step-up asks: `phishing-resistant`, `multi-factor`, and so on."""
    match need:
        case "fresh":
            return True
        case "phishing-resistant":
            return reached.phishing_resistant
        case "multi-factor":
            return reached.multi_factor
    return reached.aal > MULTI_FACTOR_AAL and reached.phishing_resistant


def _aal(methods: frozenset[str]) -> int:
    kinds = sum(not kind.isdisjoint(methods) for kind in _KINDS)
    return MULTI_FACTOR_AAL if _SEVERAL in methods or kinds > 1 else 1
