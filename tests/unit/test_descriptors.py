"""How many descriptors a process may have."""

from __future__ import annotations

import subprocess
import sys

from tests.tools import PROJECT

ASK = """
import resource
from doorward.adapters.descriptors import allowed_descriptors
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 512))
print(allowed_descriptors(), *resource.getrlimit(resource.RLIMIT_NOFILE))
"""


def test_what_a_shell_allows_is_raised_to_what_the_system_allows() -> None:
    said = subprocess.run(
        [sys.executable, "-c", ASK],
        check=True,
        capture_output=True,
        text=True,
        cwd=PROJECT,
        env={"PYTHONPATH": str(PROJECT / "src")},
    )
    assert said.stdout.split() == ["512", "512", "512"]
