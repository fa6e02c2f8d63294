"""What a browser brings back from a provider (RFC 6749, 4.1.2; RFC 9207). Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from doorward.administrator.authentication import Browser
from doorward.administrator.federation.flow import Flow
from doorward.administrator.federation.metadata import Metadata
from doorward.administrator.federation.refusals import FederationRejectedError, declined
from doorward.model.estate import IdentityProvider

_NAMES = frozenset({"state", "code", "iss", "error"})
_VALUE = re.compile(r"[ -~]{1,4096}")
_ERROR = re.compile(r"[a-z_]{1,40}")


@dataclass(frozen=True, slots=True)
class Callback:
    """The parameters of the way back, each empty where it is missing."""

    state: str = ""
    code: str = ""
    issuer: str | None = None
    error: str = ""


def read_callback(parameters: Iterable[tuple[str, str]]) -> Callback:
    """Raises FederationRejectedError where a parameter comes twice, or is malformed."""
    found: dict[str, str] = {}
    for name, value in parameters:
        if name not in _NAMES:
            continue
        if name in found or not _VALUE.fullmatch(value):
            raise FederationRejectedError("callback-malformed")
        found[name] = value
    return Callback(
        found.get("state", ""), found.get("code", ""), found.get("iss"), found.get("error", "")
    )


def check_flow(flow: Flow, provider: IdentityProvider, browser: Browser) -> None:
    """The way back is the one that this browser set out on. Raises FederationRejectedError.

    1. It leads to the address of the provider that was set out for (mix-up, RFC 9700, 4.4), whose
       issuer is still the same.
    2. It ends in the browser that it began in (login CSRF, code injection).
    """
    if flow.provider != provider.id or flow.issuer != provider.issuer:
        raise FederationRejectedError("state-of-another-provider")
    if flow.browser != browser.flow:
        raise FederationRejectedError("state-of-another-browser")


def check_answer(callback: Callback, provider: IdentityProvider, metadata: Metadata) -> None:
    """The answer is the provider's own, and is a code. Raises AttemptRejectedError.

    1. `iss` is the provider's, and is there where the provider says that it sends it (RFC 9207).
    2. The provider did not decline.
    """
    if callback.issuer is None and metadata.authorization_response_iss_parameter_supported:
        raise FederationRejectedError("issuer-missing")
    if callback.issuer is not None and callback.issuer != provider.issuer:
        raise FederationRejectedError("issuer-wrong")
    if callback.error:
        said = callback.error if _ERROR.fullmatch(callback.error) else "something"
        raise declined(provider, said)
    if not callback.code:
        raise FederationRejectedError("code-missing")
