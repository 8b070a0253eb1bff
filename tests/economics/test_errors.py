from __future__ import annotations

import ast
from pathlib import Path

import pytest

import clubai.economics
from clubai.economics import errors

ROOM = Path(clubai.economics.__file__).parent
MODULES = sorted(ROOM.glob("*.py"))


def unwhole(tree: ast.AST) -> list[int]:
    """Lines on which something may be no whole number."""
    return [
        node.lineno
        for node in ast.walk(tree)
        if (isinstance(node, ast.Constant) and isinstance(node.value, float | complex))
        or (
            isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div)
        )
        or (isinstance(node, ast.Name) and node.id in ("float", "round", "Decimal"))
    ]


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_money_is_whole_numbers(module: Path) -> None:
    assert unwhole(ast.parse(module.read_text())) == []


@pytest.mark.parametrize(
    "source", ["a = 1.5", "a / b", "a /= 2", "round(a)", "float(a)"]
)
def test_the_scan_finds(source: str) -> None:
    assert unwhole(ast.parse(source)) == [1]


def test_there_is_one_tree() -> None:
    found = [
        each
        for each in vars(errors).values()
        if isinstance(each, type)
        and issubclass(each, Exception)
        and each.__module__ == errors.__name__
    ]

    assert all(issubclass(each, errors.MoneyError) for each in found)
    assert all(
        f" {each.__name__} " in (errors.__doc__ or "") or each is errors.MoneyError
        for each in found
    )


def test_a_refused_import_says_every_line() -> None:
    lines = [errors.BadLine(2, "period", "x", "write 2026-01")] * 2

    assert str(errors.ImportRefused(lines)).count("line 2: period = 'x'") == 2
