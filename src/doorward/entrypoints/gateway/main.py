"""Starts the parent of one gateway."""

from __future__ import annotations

import sys
from pathlib import Path

from doorward.adapters.descriptors import allowed_descriptors
from doorward.adapters.envoy.binary import envoy_command
from doorward.config import load_gateway
from doorward.entrypoints.explained import explained
from doorward.entrypoints.gateway.parent import Parent
from doorward.entrypoints.gateway.settings import GatewayFolder


def run_gateway(root: Path) -> None:
    """Supervise the gateway in folder `root` until SIGTERM. Raises DoorwardError, OSError."""
    folder = GatewayFolder(root.absolute())
    settings = load_gateway(folder.settings)
    for needed in (folder.envoy, folder.decisions, folder.tickets, folder.socket("check").parent):
        needed.mkdir(mode=0o700, parents=True, exist_ok=True)
    allowed_descriptors()
    decision = [sys.executable, "-m", "doorward.entrypoints.gateway.decision_process"]
    Parent(
        [*decision, str(folder.root)],
        envoy_command(folder.envoy / "bootstrap.json", settings.envoy_workers),
        folder.envoy / "epoch.json",
    ).run()


if __name__ == "__main__":
    sys.exit(explained(lambda: run_gateway(Path(sys.argv[1]))))
