"""Which passwords people may choose (SP 800-63B-4 3.1.1.2): length and a blocklist."""

from __future__ import annotations

import re
import unicodedata

from doorward.administrator.authentication import LeakedPasswords, PasswordJudge
from doorward.errors import DoorwardError
from doorward.model.estate import User

MIN_LENGTH = 12
MAX_LENGTH = 256
_MIN_DIFFERENT = 5
_MIN_BESIDE_OWN_NAME = 8
_MIN_WORD = 3


def normalised(password: str) -> str:
    """The form that is hashed (NFKC), so that every keyboard types the same password."""
    return unicodedata.normalize("NFKC", password)


def require_acceptable(
    password: str, user: User, judge: PasswordJudge, leaked: LeakedPasswords
) -> None:
    """Raises DoorwardError `password-too-weak`, `password-leaked`, `password-blocklist-unreadable`.

    Too short or long, mostly the person's name, among the first that anybody guesses, or on the
    list of leaked ones, as it was typed or as it is hashed. Takes a while, and reads files.
    """
    text = normalised(password)
    if len(text) < MIN_LENGTH:
        raise _weak(f"A password needs at least {MIN_LENGTH} characters.")
    if len(text) > MAX_LENGTH:
        raise _weak(f"A password has at most {MAX_LENGTH} characters.")
    if len(set(text)) < _MIN_DIFFERENT:
        raise _weak("This password repeats the same few characters.")
    rest = text.casefold()
    for word in sorted(_own_words(user), key=len, reverse=True):
        rest = rest.replace(word, "")
    if len(rest) < _MIN_BESIDE_OWN_NAME:
        raise _weak("This password is little more than your own name or address.")
    if judge.guessable(text, sorted(_own_words(user))):
        raise _weak("This password is among the first that an attacker tries.")
    if any(leaked.holds(form) for form in {password, text}):
        raise DoorwardError(
            "password-leaked",
            "This password was stolen somewhere once, and attackers try those.",
            "Choose one that you never had anywhere. A few unrelated words make a good password.",
        )


def _own_words(user: User) -> set[str]:
    words = re.split(r"\W+", f"{user.id} {user.name} {user.email} doorward".casefold())
    return {word for word in words if len(word) >= _MIN_WORD}


def _weak(detail: str) -> DoorwardError:
    return DoorwardError("password-too-weak", detail, "A few unrelated words make a good password.")
