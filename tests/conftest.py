from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests import tools


@pytest.fixture(scope="session")
def require_tool() -> Callable[[str], Path]:
    """The path of a program, or a skip; in CI a failure."""
    return tools.require_tool


@pytest.fixture(scope="session")
def fixtures_root() -> Path:
    """The folder of reference data, `$DOORWARD_FIXTURES` or `../shared/fixtures`."""
    return tools.require_fixtures()
