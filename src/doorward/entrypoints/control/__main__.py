"""The control plane without the command line's libraries: python -m … DATA."""

from __future__ import annotations

import sys
from pathlib import Path

from doorward.config import DataFolder
from doorward.entrypoints.complaint import describe
from doorward.entrypoints.control.process import run_control
from doorward.errors import DoorwardError

if __name__ == "__main__":
    try:
        run_control(DataFolder(Path(sys.argv[1])))
    except DoorwardError as error:
        sys.exit(describe(error))
