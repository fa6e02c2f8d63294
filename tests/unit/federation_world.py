"""A desk with two providers, `work` and `other`, and browsers that go there and come back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from doorward.administrator.authentication import Browser
from doorward.administrator.control_plane import Act
from doorward.administrator.federation.begin import begin_federation
from doorward.administrator.federation.complete import Completed, complete_federation
from doorward.administrator.federation.flow import Wish
from doorward.administrator.federation.provider_secret import set_provider_secret
from doorward.administrator.federation_table import FederatedIdentity
from doorward.model.estate import Group, IdentityProvider
from doorward.model.identity import Session
from doorward.model.ids import GroupId, ProviderId, SessionId, UserId
from doorward.model.snapshot import Snapshot, change
from tests.fakes.provider import (
    OTHER_ISSUER,
    SECRET,
    WORK_ISSUER,
    OidcProvider,
    Providers,
    declared,
)
from tests.fakes.sign_in import AUTH, HERE, NOON, Desk, desk

WORK, OTHER = ProviderId("work"), ProviderId("other")
SIGN_IN = Wish(intent="sign-in")


@dataclass
class World:
    desk: Desk
    work: OidcProvider
    other: OidcProvider

    @property
    def snapshot(self) -> Snapshot:
        return self.desk.control.live.current

    async def declare(self, provider: str = "work", **fields: Any) -> IdentityProvider:
        """Declare the provider anew, with these fields."""
        issuer = fields.pop("issuer", {"work": WORK_ISSUER, "other": OTHER_ISSUER}[provider])
        document = declared(provider, issuer, **fields)
        async with self.desk.store.transaction() as transaction:
            await transaction.snapshot.publish([change("provider", document)])
        return document

    async def begin(
        self, provider: str = "work", wish: Wish = SIGN_IN, browser: Browser = HERE
    ) -> str:
        """The address at the provider."""
        return await begin_federation(
            self.desk.federation,
            browser,
            provider,
            wish,
            redirect_uri=f"{AUTH}/federation/{provider}/callback",
            now=self.desk.now,
        )

    async def complete(
        self, parameters: Mapping[str, str], provider: str = "work", browser: Browser = HERE
    ) -> Completed:
        """Back at the callback of `provider`."""
        return await complete_federation(
            self.desk.federation,
            browser,
            provider,
            list(parameters.items()),
            now=self.desk.now,
        )

    async def sign_in(self, provider: str = "work", wish: Wish = SIGN_IN) -> Completed:
        """There and back."""
        location = await self.begin(provider, wish)
        party = {"work": self.work, "other": self.other}[provider]
        return await self.complete(party.authorize(location), provider)

    async def link(self, user: str, subject: str = "s-alice", provider: str = "work") -> None:
        """As if the person had linked the subject before."""
        async with self.desk.store.transaction() as transaction:
            await transaction.federation.put(
                FederatedIdentity(
                    provider=ProviderId(provider),
                    issuer={"work": WORK_ISSUER, "other": OTHER_ISSUER}[provider],
                    subject=subject,
                    user=UserId(user),
                    linked_at=self.desk.now,
                    last_used_at=self.desk.now,
                )
            )

    async def links(self, user: str) -> list[tuple[str, str]]:
        async with self.desk.store.transaction() as transaction:
            found = await transaction.federation.identities(UserId(user))
        return [(link.provider, link.subject) for link in found]

    async def session(self, user: str, session: str = "ses_1", **fields: Any) -> Session:
        """A session that is there already."""
        document = Session(
            id=SessionId(session),
            user=UserId(user),
            started_at=self.desk.now,
            expires_at=self.desk.now + 3600,
            authenticated_at=self.desk.now,
            methods=("passkey",),
            phishing_resistant=True,
            multi_factor=True,
            address="192.0.2.1",
            **fields,
        )
        async with self.desk.store.transaction() as transaction:
            await transaction.snapshot.publish([change("session", document)])
        return document

    async def rejected(self) -> list[str]:
        """Why attempts were rejected, oldest first."""
        return [entry["why"] for entry in await self.desk.audited("sign-in-rejected")]


async def world() -> World:
    """Two providers that people link; both know doorward's secret."""
    work = OidcProvider(WORK_ISSUER, lambda: NOON, secret=SECRET)
    other = OidcProvider(OTHER_ISSUER, lambda: NOON, secret=SECRET)
    office = await desk(Providers(work, other))
    work.clock = other.clock = lambda: office.now
    place = World(office, work, other)
    async with office.store.transaction() as transaction:
        await transaction.snapshot.publish(
            [
                change("provider", declared("work", WORK_ISSUER)),
                change("provider", declared("other", OTHER_ISSUER)),
                *(change("group", Group(id=GroupId(g), name=g)) for g in ("finance", "staff")),
            ]
        )
    for provider in ("work", "other"):
        await set_provider_secret(office.federation, Act("operator", office.now), provider, SECRET)
    return place
