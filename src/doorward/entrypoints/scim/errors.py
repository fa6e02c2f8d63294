"""Errors of doorward as errors of SCIM (RFC 7644, 3.12)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType

from scim2_models import (
    ForbiddenException,
    InvalidValueException,
    NotFoundException,
    PayloadTooLargeException,
    PreconditionFailedException,
    SCIMException,
    UnauthorizedException,
    UniquenessException,
)

from doorward.entrypoints.api.problems import status
from doorward.errors import DoorwardError

_EXCEPTIONS: Mapping[str, type[SCIMException]] = MappingProxyType(
    {
        "cross-site-request": ForbiddenException,
        "directory-conflict": UniquenessException,
        "directory-entry-changed": PreconditionFailedException,
        "directory-entry-unknown": NotFoundException,
        "directory-value-invalid": InvalidValueException,
        "not-authenticated": UnauthorizedException,
        "request-too-large": PayloadTooLargeException,
    }
)


class UnansweredError(SCIMException):
    """An error without a form of its own in SCIM."""

    def __init__(self, code: int, detail: str) -> None:
        super().__init__(detail=detail)
        self.status = code


def scim_error(error: DoorwardError) -> SCIMException:
    """The same error, as SCIM says it."""
    detail = f"{error.detail} {error.remedy}".strip()
    kind = _EXCEPTIONS.get(error.code)
    return UnansweredError(status(error.code), detail) if kind is None else kind(detail=detail)


@contextmanager
def told() -> Iterator[None]:
    """Let what goes wrong inside be told as SCIM tells it."""
    try:
        yield
    except DoorwardError as error:
        raise scim_error(error) from error
