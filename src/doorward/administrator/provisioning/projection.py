"""What of the directory decisions see: entries as documents of the snapshot. Pure.

What is sent is checked as estate files are: texts that can stand in a header and in a log line,
addresses that are addresses, ids that are free.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from doorward.administrator.directory.entries import Details, folded, primary_address
from doorward.errors import DoorwardError
from doorward.estate.checks import SERVICE_PREFIX, is_address
from doorward.model.estate import Group, User
from doorward.model.ids import GroupId, UserId, is_id

MAX_TEXT_LENGTH = 512
OPAQUE_PREFIXES = {"user": "usr", "group": "grp"}

_LONGEST_ID = 128
_NOT_IN_A_SLUG = re.compile(r"[^a-z0-9]+")


def require_acceptable(details: Details) -> None:
    """Raises DoorwardError `directory-value-invalid` where a text or address is none of ours."""
    texts = {
        "userName": details.user_name,
        "displayName": details.display_name,
        "externalId": details.external_id,
        "name.givenName": details.given_name,
        "name.familyName": details.family_name,
        "name.formatted": details.formatted_name,
        **{f"emails[{n}].type": a.type for n, a in enumerate(details.addresses)},
    }
    for name, text in texts.items():
        if len(text) > MAX_TEXT_LENGTH:
            raise _invalid(f"`{name}` is longer than {MAX_TEXT_LENGTH} characters.")
        # Control characters would end a header line or a log line that carries the text.
        if not text.isprintable():
            raise _invalid(f"`{name}` holds a character that cannot be printed.")
    for address in details.addresses:
        _require_address(address.value)


def require_person(details: Details) -> None:
    """Raises DoorwardError `directory-value-invalid`."""
    require_acceptable(details)
    if not details.user_name.strip():
        raise _invalid("`userName` is empty.")


def require_group(details: Details) -> None:
    """Raises DoorwardError `directory-value-invalid`."""
    require_acceptable(details)
    if not details.display_name.strip():
        raise _invalid("`displayName` is empty.")


def person(user_id: str, details: Details, groups: Iterable[str]) -> User:
    """The person's document."""
    return User(
        id=UserId(user_id),
        name=_name(details),
        email=address_of(details),
        groups=tuple(GroupId(group) for group in sorted(set(groups))),
        source="scim",
    )


def group(group_id: str, details: Details, parents: Iterable[str]) -> Group:
    """The group's document."""
    return Group(
        id=GroupId(group_id),
        name=details.display_name,
        parents=tuple(GroupId(parent) for parent in sorted(set(parents))),
        source="scim",
    )


def address_of(details: Details) -> str:
    """The primary address, else the first, else a user name that is one; empty for none."""
    address = primary_address(details)
    if address is not None and address.value:
        return address.value
    name = details.user_name
    return name if is_address(name) and len(name) <= MAX_TEXT_LENGTH else ""


def readable_id(user_name: str) -> str:
    """An id that is the user name in lower case; empty where that cannot be an id."""
    text = folded(user_name)
    return "" if text.startswith(SERVICE_PREFIX) or _opaque(text) or not is_id(text) else text


def slug(display_name: str) -> str:
    """An id made of a group's name, `eu-admins` of `EU: Admins`; empty where nothing is left."""
    plain = unicodedata.normalize("NFKD", display_name).lower()
    ascii_only = "".join(c for c in plain if not unicodedata.combining(c))
    text = _NOT_IN_A_SLUG.sub("-", ascii_only).strip("-")[:_LONGEST_ID].rstrip("-")
    return "" if _opaque(text) else text


def _opaque(text: str) -> bool:
    return text.startswith(tuple(f"{prefix}_" for prefix in OPAQUE_PREFIXES.values()))


def _name(details: Details) -> str:
    parts = f"{details.given_name} {details.family_name}".strip()
    names = (details.display_name, details.formatted_name, parts, details.user_name)
    return next(name for name in names if name.strip())


def _require_address(text: str) -> None:
    if text and (len(text) > MAX_TEXT_LENGTH or not text.isprintable() or not is_address(text)):
        raise _invalid("A value of `emails` is not an e-mail address.")


def _invalid(detail: str) -> DoorwardError:
    return DoorwardError("directory-value-invalid", detail, "Correct it where people are managed.")
