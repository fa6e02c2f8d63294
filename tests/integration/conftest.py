"""The Envoy stand that the tests of the enforcement point share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.boundary_stand import Stand, deny
from tests.integration.boundary_wire import Wire


@pytest.fixture(scope="session")
def envoy() -> Iterator[Stand]:
    """One running Envoy for the whole session."""
    running = Stand()
    yield running
    running.close()


@pytest.fixture
def stand(envoy: Stand) -> Stand:
    """That Envoy, with a decision process that was asked nothing yet and denies."""
    envoy.check.questions.clear()
    envoy.check.answer = deny
    return envoy


@pytest.fixture
def wire(stand: Stand) -> Iterator[Wire]:
    """A fresh plain connection to it."""
    with Wire(stand.plain) as connection:
        yield connection
