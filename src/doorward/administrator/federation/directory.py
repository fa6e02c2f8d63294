"""Discovery documents and keys of issuers: asked for when needed, kept for an hour, in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from doorward.administrator.federation.metadata import (
    Metadata,
    discovery_url,
    read_keys,
    read_metadata,
)
from doorward.administrator.federation.ports import Answer, ProviderHttp
from doorward.administrator.federation.refusals import invalid
from doorward.errors import DoorwardError
from doorward.model.ids import UnixSeconds

KEPT_SECONDS = 3600
NEW_KEY_SECONDS = 60
"""How often keys are asked for again because of a key id that nobody knows."""
RETRY_SECONDS = 5
_OK = 200


class Issuer(Protocol):
    """A party of the estate that publishes a document and keys."""

    @property
    def id(self) -> str: ...
    @property
    def issuer(self) -> str: ...


class NamesKeys(Protocol):
    """A document that says where its issuer's keys lie."""

    @property
    def jwks_uri(self) -> str: ...


M = TypeVar("M", bound=NamesKeys)


@dataclass(frozen=True, slots=True)
class IssuerState(Generic[M]):
    """How discovery of an issuer went last; `error` is empty where it went well.

    `skew_seconds` is by how much its clock is ahead of ours, None where it did not say.
    """

    checked_at: UnixSeconds | None = None
    error: DoorwardError | None = None
    skew_seconds: float | None = None
    metadata: M | None = None


ProviderState = IssuerState[Metadata]


@dataclass(slots=True)
class _Known(Generic[M]):
    issuer: str
    state: IssuerState[M] = field(default_factory=IssuerState)
    keys: Sequence[Mapping[str, object]] = ()
    keys_at: UnixSeconds | None = None
    keys_asked_at: UnixSeconds | None = None
    keys_error: DoorwardError | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while the issuer is called."""

    def metadata(self, now: UnixSeconds) -> M | None:
        """The document, while it is fresh. Raises what it came to a moment ago instead."""
        state = self.state
        if state.error is not None and _within(state.checked_at, now, RETRY_SECONDS):
            raise state.error
        return state.metadata if _within(state.checked_at, now, KEPT_SECONDS) else None

    def has_keys(self, key_id: str, now: UnixSeconds) -> bool:
        """Whether the keys are fresh enough for whoever looks for `key_id`."""
        missing = bool(key_id) and all(key.get("kid") != key_id for key in self.keys)
        return _within(self.keys_at, now, NEW_KEY_SECONDS if missing else KEPT_SECONDS)


class IssuerDirectory(Generic[M]):
    """What is known of each issuer in this process.

    `where` says where an issuer's document lies, `read` reads and checks it. A failure is
    remembered for some seconds, and keys are asked for again only now and then, so that nobody can
    make doorward call an issuer as often as they like.
    """

    def __init__(
        self, http: ProviderHttp, where: Callable[[str], str], read: Callable[[bytes, str], M]
    ) -> None:
        self._http = http
        self._where = where
        self._read = read
        self._known: dict[str, _Known[M]] = {}

    def state(self, provider: Issuer) -> IssuerState[M]:
        """What the last discovery came to, without asking anew."""
        return self._of(provider).state

    async def metadata(self, provider: Issuer, now: UnixSeconds) -> M:
        """The provider's document. Raises `provider-unreachable` or `provider-invalid`."""
        known = self._of(provider)
        kept = known.metadata(now)
        if kept is not None:
            return kept
        async with known.lock:
            return known.metadata(now) or await self._discover(known, now)

    async def check(self, provider: Issuer, now: UnixSeconds) -> IssuerState[M]:
        """Discover now, keys included; what is wrong stands in the state."""
        known = self._of(provider)
        async with known.lock:
            try:
                metadata = await self._discover(known, now)
                await self._fetch_keys(known, metadata, now)
            except DoorwardError as error:
                known.state = IssuerState(now, error, known.state.skew_seconds)
            return known.state

    async def keys(
        self, provider: Issuer, key_id: str, now: UnixSeconds
    ) -> Sequence[Mapping[str, object]]:
        """The provider's keys; asked for again where none has `key_id`, at most once a minute.

        Whoever names a key that is known does not wait for others who do not. Raises
        `provider-unreachable` or `provider-invalid`.
        """
        metadata = await self.metadata(provider, now)
        known = self._of(provider)
        if known.has_keys(key_id, now):
            return known.keys
        async with known.lock:
            if known.has_keys(key_id, now):
                return known.keys
            if known.keys_error is not None and _within(known.keys_asked_at, now, RETRY_SECONDS):
                raise known.keys_error
            await self._fetch_keys(known, metadata, now)
            return known.keys

    def _of(self, provider: Issuer) -> _Known[M]:
        known = self._known.get(provider.id)
        if known is None or known.issuer != provider.issuer:
            known = self._known[provider.id] = _Known(provider.issuer)
        return known

    async def _discover(self, known: _Known[M], now: UnixSeconds) -> M:
        skew = known.state.skew_seconds
        try:
            answer = await self._http.get(self._where(known.issuer), issuer=known.issuer)
            skew = None if answer.date is None else answer.date - now
            metadata = self._read(_body(answer, "discovery document"), known.issuer)
        except DoorwardError as error:
            known.state = IssuerState(now, error, skew)
            raise
        known.state = IssuerState(now, None, skew, metadata)
        return metadata

    async def _fetch_keys(self, known: _Known[M], metadata: M, now: UnixSeconds) -> None:
        known.keys_asked_at = now
        try:
            answer = await self._http.get(metadata.jwks_uri, issuer=known.issuer)
            known.keys = read_keys(_body(answer, "keys"))
        except DoorwardError as error:
            known.keys_error = error
            raise
        known.keys_at, known.keys_error = now, None


class ProviderDirectory(IssuerDirectory[Metadata]):
    """What is known of each OpenID Connect provider."""

    def __init__(self, http: ProviderHttp) -> None:
        super().__init__(http, discovery_url, read_metadata)


def _within(moment: UnixSeconds | None, now: UnixSeconds, seconds: float) -> bool:
    """Whether `moment` is no longer ago; a moment that lies ahead is not believed."""
    return moment is not None and 0 <= now - moment < seconds


def _body(answer: Answer, what: str) -> bytes:
    if answer.status != _OK:
        raise invalid(f"asked for its {what}, it answers with status {answer.status}")
    return answer.body
