"""Signals that keep a person out, and let them in again as far as their sender kept them out."""

from __future__ import annotations

from doorward.administrator.disabling import disabled, disablers, enabled, shut_out
from doorward.administrator.receiver.applying import Applying, Done
from doorward.administrator.targets import standing_of
from doorward.model.snapshot import change

SERIES = "account"


async def account_disabled(applying: Applying) -> Done:
    """The person is kept out, and everything that they have open ends."""
    user = applying.subject.user
    if user is None:
        return Done(otherwise="subject-unknown")
    subject = f"user:{user.id}"
    if applying.is_late(await applying.word(SERIES, subject)):
        return Done(otherwise="out-of-order")
    await applying.say(SERIES, subject, "disabled")
    before = await standing_of(applying.transaction, user.id)
    if applying.transmitter.authority in disablers(before):
        return Done()
    after = disabled(before, applying.transmitter.authority, applying.reason)
    changes = await shut_out(applying.transaction, applying.snapshot, applying.act, before, after)
    return Done(tuple(changes), "disabled")


async def account_enabled(applying: Applying) -> Done:
    """Takes back this transmitter's own word and nobody else's."""
    user = applying.subject.user
    if user is None:
        return Done(otherwise="subject-unknown")
    subject = f"user:{user.id}"
    if applying.is_late(await applying.word(SERIES, subject)):
        return Done(otherwise="out-of-order")
    await applying.say(SERIES, subject, "enabled")
    before = await standing_of(applying.transaction, user.id)
    if applying.transmitter.authority not in disablers(before):
        return Done(otherwise="not-its-word" if before.disabled else "nothing-to-do")
    after = enabled(before, applying.transmitter.authority, applying.reason)
    others = "; others still keep them out" if after.disabled else ""
    return Done((change("standing", after),), f"its word is taken back{others}")
