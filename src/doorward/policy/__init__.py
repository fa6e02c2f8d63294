"""Cedar policies: reading, validating, and evaluating them in slices. Pure; decides nothing.

`parse_policies` reads a `.cedar` file, `validate` holds policies against the schema, and a
`Bundle` answers which policies of many can apply to a request and what Cedar says of them.
What a denial or a remedy is, is the engine's business.
"""

from doorward.policy.bundle import Bundle, compile_bundle
from doorward.policy.source import parse_policies
from doorward.policy.validation import validate

__all__ = ["Bundle", "compile_bundle", "parse_policies", "validate"]
