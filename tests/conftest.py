from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest

from tests import tools

# What takes long is bounded by pytest-timeout; how long an example takes tells of the machine.
hypothesis.settings.register_profile(
    "doorward", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("doorward")

PURE = (tools.PROJECT / "tests" / "unit", tools.PROJECT / "tests" / "property")


@pytest.fixture(scope="session")
def require_tool() -> Callable[[str], Path]:
    """The path of a program, or a skip; in CI a failure."""
    return tools.require_tool


@pytest.fixture(scope="session")
def fixtures_root() -> Path:
    """The folder of reference data, `$DOORWARD_FIXTURES` or `../shared/fixtures`."""
    return tools.require_fixtures()


@pytest.fixture(autouse=True)
def no_sockets(request: pytest.FixtureRequest) -> Iterator[None]:
    """Unit and property tests neither connect nor listen."""
    if not any(request.path.is_relative_to(folder) for folder in PURE):
        yield
        return
    with pytest.MonkeyPatch.context() as patch:
        for method in ("bind", "connect", "connect_ex"):
            patch.setattr(socket.socket, method, _refuse)
        yield


def _refuse(*_: object) -> None:
    pytest.fail("a unit or property test uses a socket: it belongs in tests/integration")
