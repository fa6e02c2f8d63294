"""What the provider answers to a request that it does not grant."""

from __future__ import annotations

from typing import Literal

from doorward.errors import DoorwardError

OAuthCode = Literal[
    "invalid_request",
    "invalid_client",
    "invalid_grant",
    "invalid_scope",
    "invalid_token",
    "unauthorized_client",
    "unsupported_grant_type",
    "unsupported_response_type",
    "access_denied",
    "temporarily_unavailable",
    "login_required",
    "interaction_required",
    "request_not_supported",
    "request_uri_not_supported",
    "registration_not_supported",
    "unmet_authentication_requirements",
]
"""RFC 6749 (4.1.2.1, 5.2), RFC 6750 (3.1), OpenID Connect Core (3.1.2.6), RFC 9470."""


class OpenidRefusedError(DoorwardError):
    """A request that is not granted; `error` is the code that the application is told.

    `why` is for the audit log only, and empty where nobody tried anything.
    """

    def __init__(self, error: OAuthCode, detail: str, *, why: str = "") -> None:
        super().__init__(
            "openid-refused", detail, "Go back to the application and try again, or ask its owner."
        )
        self.error = error
        self.why = why
