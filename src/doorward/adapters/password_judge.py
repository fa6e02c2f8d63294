"""Which passwords are guessed first, by the zxcvbn estimate (port `PasswordJudge`)."""

from __future__ import annotations

import math
from collections.abc import Sequence

from zxcvbn import zxcvbn
from zxcvbn.matching import L33T_TABLE

_LONGEST = 72
_GUESSES = 10**6
_MOST_READINGS = 8


class ZxcvbnJudge:
    """Refuses what falls within a million guesses: known passwords, and plain patterns of them.

    The lists come with the library; nothing is asked of the network. What follows the first 72
    characters is not looked at, and signs that stand for one letter count as one where there are
    many: the estimate takes time that grows with the length, times the ways to read the signs.
    """

    def guessable(self, password: str, own_words: Sequence[str]) -> bool:
        found = zxcvbn(_readable(password[:_LONGEST]), user_inputs=list(own_words))
        return bool(found["guesses"] < _GUESSES)


def _readable(password: str) -> str:
    """`password` with few enough ways to read letters in its digits and punctuation."""
    used = [[sign for sign in signs if sign in password] for signs in L33T_TABLE.values()]
    if math.prod(max(1, len(signs)) for signs in used) > _MOST_READINGS:
        for signs in used:
            for sign in signs[1:]:
                password = password.replace(sign, signs[0])
    return password
