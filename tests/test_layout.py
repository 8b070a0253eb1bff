"""The tree keeps its form: every module has its tests, and stays small."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "src" / "clubai"
TESTS = ROOT / "tests"
MODULES = sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py"))

MOST_LINES = 600
FORBIDDEN_NAMES = {
    "utils",
    "util",
    "helpers",
    "helper",
    "common",
    "misc",
    "manager",
    "service",
    "processor",
}
DECLARATIONS = {
    "agent/view.py": "structs without behaviour; test_lanes.py and others see each",
    "client/modes/outcome.py": "a struct without behaviour; each mode makes one",
    "client/modes/progress.py": "structs without behaviour; test_driver.py sees each",
    "core/commands.py": "structs without behaviour; test_coordinator.py sees each",
    "core/events.py": "structs without behaviour; test_coordinator.py sees each",
    "reputation/events.py": "structs without behaviour; test_judge.py sees each",
    "reputation/facts.py": "structs without behaviour; test_judge.py sees each",
    "reputation/rules.py": "a struct without behaviour; test_judge.py sees each",
    "storage/base.py": "a Protocol; tests/storage/contract.py runs every store",
    "agent/backends/base.py": "a Protocol and its values; each backend is tested",
}


def missing_tests(modules: list[Path], package: Path, tests: Path) -> list[str]:
    return [
        module.as_posix()
        for module in modules
        if module.name != "__init__.py"
        and (package / module).stat().st_size > 0
        and not (tests / module.parent / f"test_{module.name}").is_file()
    ]


def test_every_module_has_its_test_file() -> None:
    missing = missing_tests(MODULES, PACKAGE, TESTS)

    assert set(missing) - set(DECLARATIONS) == set()


def test_the_exceptions_are_needed() -> None:
    assert set(DECLARATIONS) <= set(missing_tests(MODULES, PACKAGE, TESTS))


def test_a_module_without_tests_is_found(tmp_path: Path) -> None:
    (tmp_path / "lonely.py").write_text("x = 1\n")

    assert missing_tests([Path("lonely.py")], tmp_path, TESTS) == ["lonely.py"]


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_no_module_is_too_long(module: Path) -> None:
    assert len((PACKAGE / module).read_text().splitlines()) <= MOST_LINES


def test_no_name_says_nothing() -> None:
    words = {word for module in MODULES for word in module.with_suffix("").parts}

    assert words & FORBIDDEN_NAMES == set()


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_every_module_says_what_it_owns(module: Path) -> None:
    source = (PACKAGE / module).read_text()

    assert not source or source.startswith(('"""', 'r"""'))
