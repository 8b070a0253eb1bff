"""What is checked, and how: `nox` alone runs what CI runs.

Every session installs the versions of `constraints.txt`. With `--no-venv` the sessions
use the environment they are started in, which `.ci/run` makes once for all of them.
"""

from __future__ import annotations

from pathlib import Path

import nox
from nox.project import dependency_groups, load_toml, python_versions

ROOT = Path(__file__).parent
CONSTRAINTS = ROOT / "constraints.txt"
PYPROJECT = load_toml("pyproject.toml")
PYTHONS = python_versions(PYPROJECT)
OLDEST = PYTHONS[0]

nox.needs_version = ">=2026.4"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.download_python = "never"
nox.options.error_on_missing_interpreters = False
nox.options.sessions = ["lint", "imports", "typing", "docs", "build", "tests"]


def install(session: nox.Session, *groups: str, project: bool = True) -> None:
    """Install dependency groups, and ClubAI with its own model unless told not to."""
    if session.venv_backend == "none":
        return
    wanted = list(dependency_groups(PYPROJECT, *groups))
    if project:
        wanted += ["-e", ".[local]"]
    session.install("-c", str(CONSTRAINTS), *wanted)


@nox.session(python=OLDEST)
def lint(session: nox.Session) -> None:
    """Check style, form and spelling."""
    install(session, "lint", project=False)
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("codespell")


@nox.session(python=OLDEST)
def imports(session: nox.Session) -> None:
    """Check that every arrow between the rooms points down."""
    install(session, "lint")
    session.run("lint-imports", "--no-cache")


@nox.session(python=OLDEST)
def typing(session: nox.Session) -> None:
    """Check the types of the package and of this file."""
    install(session, "lint", "dev")
    session.run("mypy", "--strict", "src", "noxfile.py")


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Run the tests in two processes; arguments after `--` go to pytest."""
    install(session, "test", "clients", "docs")
    session.run("python", "-m", "pytest", "-n", "3", *session.posargs)


@nox.session(python=OLDEST)
def docs(session: nox.Session) -> None:
    """Build the documentation strictly, then run every piece of code on its pages."""
    install(session, "docs", "test", "clients")
    session.run(
        "mkdocs",
        "build",
        "--strict",
        env={"NO_MKDOCS_2_WARNING": "1"},
    )
    if session.venv_backend != "none":
        session.run("python", "-m", "pytest", "-q", "tests/docs")


@nox.session(python=OLDEST)
def build(session: nox.Session) -> None:
    """Build the archives, and start the commands from the installed wheel."""
    install(session, "build", project=False)
    out = Path(session.create_tmp()) / "dist"
    session.run("python", "-m", "hatchling", "build", "-d", str(out), silent=True)
    if session.venv_backend != "none":
        wheel = max(out.glob("clubai-*.whl"), key=lambda path: path.stat().st_mtime)
        session.install("-c", str(CONSTRAINTS), "--force-reinstall", str(wheel))
        for command in ("clubai", "clubai-coordinator", "clubai-agent"):
            session.run(command, "--version")


@nox.session(python=OLDEST)
def cover(session: nox.Session) -> None:
    """Measure which branches the tests reach."""
    install(session, "test", "clients", "docs")
    session.run("coverage", "erase")
    session.run("coverage", "run", "-m", "pytest", *session.posargs)
    session.run("coverage", "combine", "--quiet")
    session.run("coverage", "report", "--skip-covered", "--show-missing")


@nox.session(python=OLDEST)
def fuzz(session: nox.Session) -> None:
    """Feed mutated frames to everything that reads bytes: `-- --frames 1000000`."""
    install(session, "test")
    session.run("python", "-m", "fuzz", *session.posargs, env={"PYTHONPATH": "tests"})


@nox.session(python=OLDEST)
def bench(session: nox.Session) -> None:
    """Measure what the club costs; arguments after `--` go to the benchmark."""
    install(session)
    session.run("python", "-m", "benchmarks", *session.posargs)


@nox.session(python=OLDEST)
def pictures(session: nox.Session) -> None:
    """Draw the documentation's pictures of the dashboard from a real run."""
    install(session, "test")
    session.run("python", "-m", "support.pictures", env={"PYTHONPATH": "tests"})


@nox.session(python=OLDEST)
def constraints(session: nox.Session) -> None:
    """Resolve every group and extra anew and write `constraints.txt`."""
    session.install("uv")
    session.run(
        "uv",
        "pip",
        "compile",
        "pyproject.toml",
        "--universal",
        "--all-extras",
        "--group=dev",
        f"--python-version={OLDEST}",
        "--upgrade",
        "--no-header",
        "--no-annotate",
        "--no-emit-index-url",
        "--no-emit-find-links",
        "--quiet",
        "--output-file=constraints.txt",
    )


@nox.session(python=OLDEST)
def changelog(session: nox.Session) -> None:
    """Show the next section of the changelog."""
    install(session, "lint")
    session.run("towncrier", "build", "--draft", "--version", "next")
