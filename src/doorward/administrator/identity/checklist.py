"""What a verifier confirms before approving a case: steps that no software can take.

Each names the requirement of SP 800-63A-4 that it is for; the console has the words.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from doorward.administrator.identity.evidence import CaseMethod

Check = Literal[
    "notice-given",
    "same-name",
    "not-deceased",
    "no-coercion",
    "private-place",
    "channel-protected",
    "in-view",
    "challenge-answered",
    "codes-returned",
]

_ALWAYS: tuple[Check, ...] = (
    "notice-given",  # 3.1.3.2: purpose, what is kept, for how long
    "same-name",  # 2.4.2.1: evidence and account are of the same person
    "not-deceased",  # 3.1.2.1: date of death check
)

CHECKS: Mapping[CaseMethod, tuple[Check, ...]] = MappingProxyType(
    {
        "onsite": (
            *_ALWAYS,
            "private-place",  # 4.1.8: a physical setting for it
            "no-coercion",  # 4.1.8: manipulation, coercion, social engineering
        ),
        "video": (
            *_ALWAYS,
            "channel-protected",  # 4.1.7: an authenticated protected channel
            "in-view",  # 4.1.7: the person stayed in view throughout
            "challenge-answered",  # 4.1.7: unpredictable challenges against recordings
            "no-coercion",  # 4.1.7
        ),
        "documents": (
            *_ALWAYS,
            "codes-returned",  # 3.1.8: codes and sign-ins were completed by the person, in time
        ),
    }
)
