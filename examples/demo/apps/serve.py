"""Runs the demo's applications in one process, each on its own loopback port.

Usage: serve.py FOLDER PAYROLL_PORT BOARD_PORT REPORTS_PORT HANDBOOK_PORT
FOLDER is where the payroll database lies.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import board
import handbook
import payroll
import reports
import uvicorn


class Quiet(uvicorn.Server):
    """A server that leaves signals to `main`."""

    def install_signal_handlers(self) -> None:
        """Do nothing."""


async def main(folder: Path, ports: list[int]) -> None:
    """Serve until the process is ended."""
    applications = (
        payroll.application(folder / "payroll.db"),
        board.application,
        reports.application,
        handbook.application,
    )
    async with asyncio.TaskGroup() as group:
        for application, port in zip(applications, ports, strict=True):
            config = uvicorn.Config(
                application,
                host="127.0.0.1",
                port=port,
                log_level="warning",
                access_log=False,
                server_header=False,
                ws="websockets-sansio",
            )
            group.create_task(Quiet(config).serve())


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), [int(port) for port in sys.argv[2:]]))
