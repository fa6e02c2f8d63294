"""Cedar policies: reading, validating, and evaluating them in slices. Pure; decides nothing.

`parse_policies` reads a `.cedar` file, `validate` holds policies against the schema, and a
`Bundle` answers which policies of many can apply to a request; `evaluate` asks Cedar. What a
denial or a remedy is, is the engine's business.
"""

from doorward.policy.bundle import Bundle, Node, Slice, compile_bundle
from doorward.policy.compiled import EVERYTHING, Uid
from doorward.policy.evaluation import EntitySet, Verdict, entity_set, evaluate
from doorward.policy.source import parse_policies
from doorward.policy.validation import refuse_duplicates, validate

__all__ = [
    "EVERYTHING",
    "Bundle",
    "EntitySet",
    "Node",
    "Slice",
    "Uid",
    "Verdict",
    "compile_bundle",
    "entity_set",
    "evaluate",
    "parse_policies",
    "refuse_duplicates",
    "validate",
]
