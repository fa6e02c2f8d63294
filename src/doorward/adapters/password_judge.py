"""Which passwords are guessed first, by the zxcvbn estimate (port `PasswordJudge`)."""

from __future__ import annotations

from collections.abc import Sequence

from zxcvbn import zxcvbn

_LONGEST = 72
_GUESSES = 10**6


class ZxcvbnJudge:
    """Refuses what falls within a million guesses: known passwords, and plain patterns of them.

    The lists come with the library; nothing is asked of the network. What follows the first 72
    characters is not looked at: the estimate takes time that grows with the length.
    """

    def guessable(self, password: str, own_words: Sequence[str]) -> bool:
        found = zxcvbn(password[:_LONGEST], user_inputs=list(own_words))
        return bool(found["guesses"] < _GUESSES)
