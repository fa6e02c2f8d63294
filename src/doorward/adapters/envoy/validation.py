"""Asks Envoy itself whether it would take a configuration, before it is used."""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from pathlib import Path

from doorward.adapters.atomic_file import replace_file
from doorward.adapters.envoy.binary import envoy_path
from doorward.enforcement.envoy.compiler import EnvoyFiles
from doorward.errors import DoorwardError

_TIMEOUT_SECONDS = 20.0
_MAX_DETAIL = 400
_CAUSE = re.compile(r"error initializing configuration '[^']*': *(.*)", re.DOTALL)


class EnvoyValidator:
    """Runs `envoy --mode validate` on a file in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "candidate.json"

    async def __call__(self, files: EnvoyFiles) -> None:
        """Raises DoorwardError `envoy-refuses` where Envoy would not take `files`."""
        replace_file(self._file, files.complete)
        process = await asyncio.create_subprocess_exec(
            envoy_path(),
            "--mode",
            "validate",
            "--config-path",
            str(self._file),
            "--log-level",
            "error",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(_TIMEOUT_SECONDS):
                _, said = await process.communicate()
        except TimeoutError:
            raise _refused("It did not answer in time.") from None
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            self._file.unlink(missing_ok=True)
        if process.returncode != 0:
            raise _refused(_cause(said.decode("utf-8", "replace")))


def _cause(said: str) -> str:
    found = _CAUSE.search(said)
    return " ".join((found[1] if found else said).split())[:_MAX_DETAIL]


def _refused(cause: str) -> DoorwardError:
    return DoorwardError(
        "envoy-refuses",
        f"Envoy refuses the new configuration: {cause}",
        "The old configuration stays. Correct the resource that it names and apply again.",
    )
