"""A gateway without the command line's libraries: python -m … FOLDER."""

from __future__ import annotations

import sys
from pathlib import Path

from doorward.entrypoints.complaint import describe
from doorward.entrypoints.gateway.main import run_gateway
from doorward.errors import DoorwardError

if __name__ == "__main__":
    try:
        run_gateway(Path(sys.argv[1]))
    except DoorwardError as error:
        sys.exit(describe(error))
