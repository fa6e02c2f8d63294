"""Whom and what an event is about, as a stream's receiver knows them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from doorward.administrator.signal_ports import UserFormat
from doorward.administrator.signals.transmitting.events_of import Happened
from doorward.model.estate import User
from doorward.protocol.signals.subjects import COMPLEX, FORMAT, Json


def user_identifier(user: User | None, user_id: str, issuer: str, wanted: UserFormat) -> Json:
    """A person: by the `sub` of our ID tokens, or by address where the stream wants it so."""
    if wanted == "email" and user is not None and user.email:
        return {FORMAT: "email", "email": user.email}
    return {FORMAT: "iss_sub", "iss": issuer, "sub": user_id}


def subject_of(happened: Happened, person: Json, sid: str = "") -> Json:
    """The claim `sub_id`: complex where a session or a device is told too (SSF 1.0, 3.3).

    `sid` is how the receiver itself calls the session, empty where it knows it by no sign-in.
    """
    known = replace(happened, session=sid or happened.session)
    parts = {"user": person, **_parts(known)}
    return person if len(parts) == 1 else {FORMAT: COMPLEX, **parts}


def is_left_out(happened: Happened, people: Sequence[Json], left_out: Iterable[Json]) -> bool:
    """Whether the receiver removed a subject that this event is about.

    `people` are all forms of the event's person. A simple subject means every event that names
    it. A complex one means those that have each of its members, identical: to hold back what only
    leaves a member open, as SSF 1.0 (8.1.3.1) matches added subjects, would silence everything.
    """
    parts = _parts(happened)
    for removed in left_out:
        if removed.get(FORMAT) != COMPLEX:
            if removed in people or removed in parts.values():
                return True
            continue
        members = {name: value for name, value in removed.items() if name != FORMAT}
        if members and all(
            value in people if name == "user" else parts.get(name) == value
            for name, value in members.items()
        ):
            return True
    return False


def _parts(happened: Happened) -> dict[str, Json]:
    named = {"session": happened.session, "device": happened.device}
    return {name: {FORMAT: "opaque", "id": value} for name, value in named.items() if value}
