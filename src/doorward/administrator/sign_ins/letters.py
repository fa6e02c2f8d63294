"""Who is told, and how, that a person disowned a sign-in. Pure.

No letter holds a link: somebody who has just been impersonated should follow none.
"""

from __future__ import annotations

from datetime import UTC, datetime

from doorward.administrator.mail import Mail, Notice
from doorward.administrator.sign_ins.ports import SignIn
from doorward.model.estate import User
from doorward.model.ids import UnixSeconds


def to_person(user: User, entry: SignIn, at: UnixSeconds) -> Notice:
    """To the person, where somebody was in."""
    return Notice(
        subject="You reported a sign-in that was not you",
        text=f"""{user.name},

at {_moment(at)} you said of a sign-in under your name that it was not you:

{_described(entry)}

What was done: that session and all your others have ended, but for the one in which you said
so. Your risk is raised, so some applications keep you out for now.

What to do now: open your account page and replace what was used to sign in. Remove every way to
sign in that you do not know. Then ask the people who run doorward to lower your risk again.

If it was not you who said so, somebody is in one of your sessions: sign in, sign out everywhere,
and tell those people at once.
""",
    )


def to_security(user: User, entry: SignIn, at: UnixSeconds, contact: str) -> Mail:
    """To the security contact, in any case."""
    attempt = entry.outcome == "rejected"
    what = "an attempt to sign in" if attempt else "a sign-in"
    done = (
        "Nobody was in, so no session has ended. Their risk is at least 30."
        if attempt
        else "All their sessions but the one that said so have ended. Their risk is at least 80."
    )
    return Mail(
        to=contact,
        subject=f"{user.id} disowned {what}",
        text=f"""At {_moment(at)} {user.name} ({user.id}) said of {what} that it was not they:

{_described(entry)}
  failed    {entry.why or "no"}
  session   {entry.session or "none"}
  browser   {entry.user_agent or "unknown"}

{done}

See what was reached with:  doorward log --subject {user.id}
Once all is well again:     doorward user risk {user.id} 0
""",
    )


def _described(entry: SignIn) -> str:
    return f"""  when      {_moment(entry.at)}
  from      {entry.address}
  by        {" and ".join(entry.methods)}"""


def _moment(at: UnixSeconds) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M} UTC"
