"""Back-channel logout: clients learn that a session has ended, whatever ended it.

Nothing that ends a session needs to know of clients: sign-ins are compared with the sessions that
the snapshot has. One whose session is gone ends; its client gets a logout token, and again after a
pause where it does not answer, six times within an hour. Whoever sends a message has reserved it
until the next attempt, so of several control planes one sends it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass

import msgspec

from doorward.administrator.openid.end_client_session import mark_ended
from doorward.administrator.openid.provider import Provider
from doorward.administrator.openid.signing_keys import signing
from doorward.administrator.openid_ports import ClientSession
from doorward.administrator.settled import settled
from doorward.errors import DoorwardError
from doorward.model.ids import ClientId, UnixSeconds
from doorward.protocol.openid.claims import logout_claims

PAUSES_SECONDS = (10, 30, 120, 600, 1800)
"""How long until the next attempt, after each one; after the last there is none."""

CALLS_TO_ONE_CLIENT = 8
"""At once: a client that hangs holds up its own messages and nobody else's."""

_LOOKED_AT = 1000


@dataclass(frozen=True, slots=True)
class Message:
    """A logout token and where it goes."""

    item: ClientSession
    uri: str
    token: str


class Teller:
    """Tells clients. One for each control process.

    `waiting` says that messages are due whose client has as many calls as it may have at once.
    """

    def __init__(self, provider: Provider) -> None:
        self.waiting = False
        self._provider = provider
        self._under_way: Counter[ClientId] = Counter()

    async def reserve(self, now: UnixSeconds) -> list[Message]:
        """The messages to deliver now; nobody else is given them before their next attempt."""
        provider = self._provider
        messages, under_way = [], Counter(self._under_way)
        waiting = False
        async with provider.control.store.transaction() as transaction:
            snapshot = await settled(provider.control, transaction)
            openid = transaction.openid
            for gone in await openid.sessions.orphaned():
                await mark_ended(transaction, gone, now)
            busy = [name for name, calls in under_way.items() if calls >= CALLS_TO_ONE_CLIENT]
            due = await openid.sessions.due(now, _LOOKED_AT, besides=busy)
            keys = await openid.keys.all() if due else ()
            for item in due:
                client = snapshot.clients.get(item.client)
                if client is None or not client.backchannel_logout_uri:
                    await openid.sessions.remove(item.sid)
                    continue
                if under_way[item.client] >= CALLS_TO_ONE_CLIENT:
                    waiting = True
                    continue
                pause = PAUSES_SECONDS[min(item.attempts, len(PAUSES_SECONDS) - 1)]
                tried = msgspec.structs.replace(
                    item, attempts=item.attempts + 1, due_at=now + pause
                )
                await openid.sessions.put(tried)
                claims = logout_claims(
                    issuer=provider.issuer,
                    client=client.id,
                    user=item.user,
                    sid=item.sid,
                    jti=provider.control.secrets.id("jti"),
                    now=int(now),
                )
                key = signing(keys, client.id_token_alg, now)
                token = provider.signer.sign(key, "logout+jwt", claims)
                messages.append(Message(tried, client.backchannel_logout_uri, token))
                under_way[item.client] += 1
        # Nothing was reserved where the transaction failed.
        self._under_way.update(message.item.client for message in messages)
        self.waiting = waiting or bool(busy)
        return messages

    async def deliver(self, message: Message, now: UnixSeconds) -> None:
        """One attempt. After the last that fails the client is given up, for the audit log."""
        item = message.item
        try:
            await self._provider.logouts.send(message.uri, message.token)
            why = ""
        except DoorwardError as error:
            why = error.detail
        finally:
            self._under_way[item.client] -= 1
        if why and item.attempts <= len(PAUSES_SECONDS):
            return
        async with self._provider.control.store.transaction() as transaction:
            await transaction.openid.sessions.remove(item.sid)
            if why:
                await transaction.audit.append(
                    at=now,
                    actor="system",
                    act="client-not-told",
                    target=f"client:{item.client}",
                    detail={"user": item.user, "sid": item.sid, "why": why},
                )

    async def tell(self, now: UnixSeconds) -> int:
        """Deliver all that is due at `now`; how many attempts that took."""
        attempts = 0
        while messages := await self.reserve(now):
            await asyncio.gather(*(self.deliver(message, now) for message in messages))
            attempts += len(messages)
        return attempts
