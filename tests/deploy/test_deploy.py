"""The deployment files name commands, flags and variables that exist."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from clubai.cli import settings
from clubai.cli.agent import agent
from clubai.cli.coordinator import coordinator

ROOT = Path(__file__).parent.parent.parent
DEPLOY = ROOT / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
PROGRAMS: dict[str, click.Command] = {
    "clubai-coordinator": coordinator,
    "clubai-agent": agent,
}
SERVICES = sorted(COMPOSE["services"])


def command_of(service: str) -> list[str]:
    return [str(word) for word in COMPOSE["services"][service]["command"]]


def variables_of(program: click.Command) -> set[str]:
    table = {"clubai-coordinator": settings.COORDINATOR, "clubai-agent": settings.AGENT}
    known = {name for row in table[str(program.name)] for name in row.variables}
    for parameter in program.params:
        if isinstance(parameter.envvar, str):
            known.add(parameter.envvar)
    return known


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_runs_a_program_that_is_installed(service: str) -> None:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]

    assert command_of(service)[0] in scripts


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_gives_flags_that_exist(service: str) -> None:
    program, *arguments = command_of(service)

    context = PROGRAMS[program].make_context(program, arguments)

    assert context.params["as_json"] is False


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_sets_variables_that_its_program_reads(service: str) -> None:
    program = PROGRAMS[command_of(service)[0]]

    given = set(COMPOSE["services"][service]["environment"])

    assert given - variables_of(program) == set()


def test_a_variable_that_nobody_reads_is_found() -> None:
    assert "CLUBAI_TYPO" not in variables_of(coordinator) | variables_of(agent)
    assert "JWT_SECRET" in variables_of(coordinator)


def test_the_example_of_the_environment_names_what_the_file_uses() -> None:
    text = (DEPLOY / "compose.yaml").read_text()
    used = set(re.findall(r"\$\{(\w+)", text))
    example = (DEPLOY / ".env.example").read_text()
    offered = set(re.findall(r"^(\w+)=", example, re.MULTILINE))

    assert used == offered


def test_the_example_holds_no_secret() -> None:
    example = (DEPLOY / ".env.example").read_text()

    assert re.findall(r"^\w*(?:KEY|SECRET)=(.+)$", example, re.MULTILINE) == []


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_keeps_its_data_on_a_volume(service: str) -> None:
    mounts = COMPOSE["services"][service]["volumes"]

    assert mounts == [f"{service}:/data"]
    assert service in COMPOSE["volumes"]


def test_the_image_holds_what_it_copies_and_runs_as_nobody_special() -> None:
    lines = (DEPLOY / "Dockerfile").read_text().splitlines()
    copied = [
        name
        for line in lines
        if line.startswith("COPY")
        for name in line.removeprefix("COPY ").split()[:-1]
    ]
    let_in = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    instructions = [line.split()[0] for line in lines if line and line[0].isalpha()]

    assert all((ROOT / name).exists() for name in copied)
    assert {f"!{name}" for name in copied} <= set(let_in)
    assert instructions.count("FROM") == 1
    assert instructions.index("USER") < instructions.index("CMD")


def test_the_images_default_command_is_the_coordinator() -> None:
    text = (DEPLOY / "Dockerfile").read_text()
    found = re.search(r"^CMD (\[.*\])$", text, re.MULTILINE)
    assert found
    program, *arguments = yaml.safe_load(found[1])

    assert PROGRAMS[program].make_context(program, arguments).params["host"]


def test_the_compose_client_takes_the_file() -> None:
    docker = shutil.which("docker")
    if (
        not docker
        or subprocess.run(
            [docker, "compose", "version"], capture_output=True
        ).returncode
    ):
        pytest.skip("there is no `docker compose` here")

    done = subprocess.run(
        [docker, "compose", "-f", DEPLOY / "compose.yaml", "config", "--quiet"],
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr
