"""Which addresses notices may go to. Pure."""

from __future__ import annotations

import re

from doorward.errors import DoorwardError
from doorward.estate.checks import is_address
from doorward.model.estate import User

LONGEST_ADDRESS = 254
"""Octets of an address that a message can be sent to (RFC 5321 4.5.3.1.3, erratum 1690)."""
_LONGEST_LOCAL_PART = 64
_DOT_ATOM = re.compile(r"[\w!#$%&'*+/=?^`{|}~-]+(\.[\w!#$%&'*+/=?^`{|}~-]+)*", re.ASCII)
"""RFC 5322 3.2.3: no space, line break, comma, angle bracket or quotation mark."""


def checked_address(typed: str, person: User) -> str:
    """One address to send to, other than the estate's of `person`, without spaces around it.

    Raises DoorwardError `notice-address-invalid`, `notice-address-known`.
    """
    address = typed.strip(" ")
    if not _is_plain(address):
        raise DoorwardError(
            "notice-address-invalid",
            "This is not one e-mail address that a message can be sent to.",
            "Type one address like alice@example.org, of at most 254 letters, digits and the "
            "usual signs, without a name beside it. A domain in other letters has a form that "
            "begins with xn--.",
        )
    require_further(address, person)
    return address


def require_further(address: str, person: User) -> None:
    """Raises DoorwardError `notice-address-known` for the address that the estate has."""
    if address.casefold() == person.email.casefold():
        raise DoorwardError(
            "notice-address-known",
            "Notices go to this address already: it is the one that your organisation has.",
            "Type another one, best of a mailbox that you open in another way.",
        )


def _is_plain(text: str) -> bool:
    if len(text) > LONGEST_ADDRESS or not is_address(text):
        return False
    parts = text.split("@")
    return len(parts[0]) <= _LONGEST_LOCAL_PART and all(map(_DOT_ATOM.fullmatch, parts))
