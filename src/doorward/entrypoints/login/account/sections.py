"""The pages of a person's own account, in the order in which they are offered."""

from __future__ import annotations

from typing import NamedTuple


class Section(NamedTuple):
    """A page: where it is, its name in the navigation, and what one finds there."""

    path: str
    name: str
    text: str


HOME = "/account"
SECTIONS: tuple[Section, ...] = (
    Section(HOME, "Overview", "Who you are here, and what needs your attention."),
    Section("/account/credentials", "Ways to sign in", "What you sign in with, and adding to it."),
    Section("/account/sessions", "Sessions", "Where you are signed in, and ending it."),
    Section("/account/devices", "Devices", "What you work with, and how well it is."),
    Section("/account/sign-ins", "Recent sign-ins", "Who signed in as you. Was it you?"),
    Section("/account/identity", "Identity", "What is verified of you, and until when."),
    Section("/account/notices", "Notices", "Where you are told what happens to your account."),
    Section("/account/access", "Access", "What you may open and why, and what was decided."),
    Section(
        "/account/links", "Accounts elsewhere", "Which accounts at other providers sign you in."
    ),
)
"""Every page in the navigation. `HOME` is first; the others are listed on it with their text."""
