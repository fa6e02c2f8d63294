"""Usage: python -m doorward.entrypoints.supervisor PLAN, where PLAN is JSON (see `main`)."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from doorward.adapters.child_process import ChildProcess
from doorward.entrypoints.supervisor.supervision import Supervision

_ASK_SECONDS = 0.2


def main(plan: dict[str, object]) -> int:
    """Run `commands` (name to command line) until told to stop, logging to the folder `logs`.

    `once` is a command that runs beside them at the start; where it fails, everything stops and
    its exit status is ours.
    """
    commands, once = plan["commands"], plan["once"]
    if not isinstance(commands, dict) or not isinstance(once, list):
        return 2
    supervision = Supervision(commands, Path(str(plan["logs"])))
    try:
        supervision.turn()
        first = ChildProcess(once)
        while (status := first.exit_status()) is None:
            if supervision.wait(_ASK_SECONDS):
                return 0
            supervision.turn()
        while status == 0 and not supervision.wait():
            supervision.turn()
        return status
    finally:
        supervision.stop()


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
