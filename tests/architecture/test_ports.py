from __future__ import annotations

import ast

from tests.architecture.source_tree import SOURCE, shown, trees

LIMIT = 7


def test_no_port_asks_for_more_than_seven_methods() -> None:
    wide = {
        f"{shown(path)}: {node.name}": count
        for path, tree in trees(SOURCE)
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and "Protocol" in map(ast.unparse, node.bases)
        if (count := sum(isinstance(m, ast.FunctionDef | ast.AsyncFunctionDef) for m in node.body))
        > LIMIT
    }
    assert not wide, (
        f"{wide}: a port of more than {LIMIT} methods serves several callers. Split it by who "
        "calls what, so that each fake stays small and each adapter can be replaced alone."
    )
