"""Estate files (TOML and `.cedar`) to documents, errors with file and line, and the plan. Pure.

Reading a folder is the CLI's business; publishing a plan is the administrator's.
"""

from doorward.estate.parse import Estate, EstateReader, parse_estate
from doorward.estate.plan import Difference, Plan, Step, plan
from doorward.estate.references import Provisioned, provisioned

__all__ = [
    "Difference",
    "Estate",
    "EstateReader",
    "Plan",
    "Provisioned",
    "Step",
    "parse_estate",
    "plan",
    "provisioned",
]
