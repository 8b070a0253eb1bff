"""What `clubai doctor` looks at: one function a check, and none changes anything."""

from __future__ import annotations

import email.utils
import errno
import os
import platform
import shutil
import socket
import sys
import time
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Final, Literal

import httpx
import msgspec

from clubai.agent.backends.base import BackendInfo
from clubai.agent.backends.detect import detect
from clubai.agent.backends.models import DEFAULT_MODEL, KNOWN
from clubai.cli import place, settings
from clubai.cli.config import resolve_section
from clubai.cli.place import Place
from clubai.cli.progress import MODELS
from clubai.client import rest
from clubai.errors import (
    AuthenticationError,
    BackendError,
    ClubAIError,
    ConfigError,
    ConnectFailed,
    PermissionDenied,
)

Status = Literal["ok", "warn", "fail"]

OLDEST_PYTHON: Final = (3, 11)
CLOCK_WARN_S: Final = 5.0
CLOCK_FAIL_S: Final = 60.0
SPACE_WARN_BYTES: Final = 1 << 30
SPACE_FAIL_BYTES: Final = 200 << 20
_START_CLUB: Final = "clubai up"


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """What one check found. `fix` is a command, or empty."""

    name: str
    status: Status
    detail: str
    fix: str = ""


async def check_all(target: Place, *, data: Path, port: int) -> list[Check]:
    """Run every check, in the order in which people need them."""
    reached, offset = await check_club(target)
    return [
        check_python(),
        check_extras(),
        check_loop(),
        check_settings(),
        check_login(),
        *check_private_files(data),
        check_data(data),
        check_space(data),
        check_port(
            port, club_is_here=reached.status == "ok" and f":{port}" in target.url
        ),
        check_clock(offset),
        check_model(),
        await check_backend(),
        reached,
        await check_key(target, reached),
    ]


def check_python() -> Check:
    """The interpreter is new enough."""
    found = platform.python_version()
    if sys.version_info >= OLDEST_PYTHON:
        return Check(name="python", status="ok", detail=found)
    oldest = ".".join(map(str, OLDEST_PYTHON))
    return Check(
        name="python",
        status="fail",
        detail=f"{found} is older than {oldest}",
        fix=f"python{oldest} -m venv .venv && .venv/bin/pip install clubai",
    )


def check_extras() -> Check:
    """The embedded model's engine is installed."""
    try:
        found = f"clubai[local]: xllamacpp {version('xllamacpp')}"
    except PackageNotFoundError:
        return Check(
            name="extras",
            status="warn",
            detail="clubai[local] is missing: no embedded model",
            fix="pip install 'clubai[local]'",
        )
    more = ", clubai[hf]" if find_spec("huggingface_hub") else ""
    return Check(name="extras", status="ok", detail=found + more)


def check_loop() -> Check:
    """The fast event loop is there."""
    if find_spec("uvloop"):
        return Check(name="event loop", status="ok", detail="uvloop")
    return Check(
        name="event loop",
        status="warn",
        detail="uvloop is missing: the coordinator is slower",
        fix="pip install uvloop",
    )


def check_settings() -> Check:
    """The settings file and the environment can be read."""
    try:
        file = settings.find_file()
        for section in settings.SECTIONS:
            resolve_section(section, file)
    except ConfigError as error:
        return Check(
            name="settings",
            status="fail",
            detail=str(error),
            fix="clubai config show --origin",
        )
    return Check(name="settings", status="ok", detail=str(file or "no settings file"))


def check_login() -> Check:
    """What login stored can be read, by its user only."""
    path = place.login_file()
    try:
        stored = place.load_login()
    except ConfigError as error:
        return Check(name="login", status="fail", detail=str(error), fix="clubai login")
    if stored is None:
        return Check(name="login", status="ok", detail="no stored login")
    if place.readable_by_others(path):
        return Check(
            name="login",
            status="fail",
            detail=f"{path} can be read by others",
            fix=f"chmod 600 {path}",
        )
    return Check(name="login", status="ok", detail=f"{stored.name} at {stored.url}")


def check_private_files(data: Path) -> Iterator[Check]:
    """Keys in the data directory are their user's only."""
    for path in sorted([*data.rglob("*.key"), *data.glob("up.json")]):
        if path.is_file() and place.readable_by_others(path):
            yield Check(
                name="key file",
                status="fail",
                detail=f"{path} can be read by others",
                fix=f"chmod 600 {path}",
            )


def check_data(data: Path) -> Check:
    """The data directory can be written, or made."""
    existing = _nearest(data)
    if existing.is_dir() and os.access(existing, os.W_OK | os.X_OK):
        state = "" if data.exists() else " (not there yet)"
        return Check(name="data", status="ok", detail=f"{data}{state}")
    return Check(
        name="data",
        status="fail",
        detail=f"{existing} cannot be written",
        fix="clubai up --data ANOTHER_DIRECTORY",
    )


def check_space(data: Path) -> Check:
    """There is room for data and models."""
    free = min(
        shutil.disk_usage(_nearest(path)).free for path in (data.absolute(), MODELS)
    )
    detail = f"{free / (1 << 30):.1f} GB free"
    if free >= SPACE_WARN_BYTES:
        return Check(name="disk", status="ok", detail=detail)
    status: Status = "warn" if free >= SPACE_FAIL_BYTES else "fail"
    return Check(name="disk", status=status, detail=detail, fix=f"du -sh {MODELS}")


def check_port(port: int, *, club_is_here: bool) -> Check:
    """A coordinator could listen, or one does already."""
    if club_is_here:
        return Check(name="port", status="ok", detail=f"{port} is the club's")
    try:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
    except OSError as error:
        busy = error.errno == errno.EADDRINUSE
        reason = "another program listens there" if busy else str(error)
        return Check(
            name="port",
            status="warn",
            detail=f"{port}: {reason}",
            fix="clubai up --port 0",
        )
    return Check(name="port", status="ok", detail=f"{port} is free")


def check_clock(offset: float | None) -> Check:
    """The clock agrees with the club's: tokens and leases depend on it."""
    if offset is None:
        return Check(name="clock", status="ok", detail="no club to compare it with")
    detail = f"{abs(offset):.0f} s {'ahead of' if offset > 0 else 'behind'} the club"
    if abs(offset) < CLOCK_WARN_S:
        return Check(name="clock", status="ok", detail="as the club's")
    status: Status = "warn" if abs(offset) < CLOCK_FAIL_S else "fail"
    return Check(
        name="clock", status=status, detail=detail, fix="sudo timedatectl set-ntp true"
    )


def check_model() -> Check:
    """The embedded model's file is here."""
    known = KNOWN[DEFAULT_MODEL]
    path = MODELS / known.file
    if path.is_file() and path.stat().st_size == known.size:
        return Check(name="model", status="ok", detail=f"{known.name} is here")
    return Check(
        name="model",
        status="warn",
        detail=f"{known.name} is fetched at its first use ({known.size >> 20} MB)",
        fix="clubai model pull",
    )


async def check_backend() -> Check:
    """A model server answers on this machine."""
    try:
        backend = await detect(env=os.environ)
        info: BackendInfo = await backend.look()
    except (BackendError, ConfigError) as error:
        return Check(
            name="backend",
            status="warn",
            detail=str(error),
            fix="lms server start   # or: clubai-agent --embedded",
        )
    models = len(info.models)
    return Check(
        name="backend",
        status="ok" if models else "warn",
        detail=f"{info.kind} at {info.url}: {models} models, {info.slots} slots",
        fix="" if models else "clubai-agent probe",
    )


async def check_club(target: Place) -> tuple[Check, float | None]:
    """The club answers; with how far this clock is ahead of its, in seconds."""
    try:
        async with httpx.AsyncClient(timeout=3, trust_env=False) as http:
            response = await http.get(f"{target.url}/health")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        status: Status = "fail" if target.chosen else "warn"
        reason = str(error) or type(error).__name__
        detail = f"{target.url}: {reason}"
        return Check(name="club", status=status, detail=detail, fix=_START_CLUB), None
    if response.status_code != httpx.codes.OK:
        detail = f"{target.url} answers {response.status_code}: is it a club?"
        return Check(name="club", status="fail", detail=detail, fix=_START_CLUB), None
    check = Check(name="club", status="ok", detail=f"{target.url} answers")
    return check, _clock_offset(response.headers.get("date", ""))


async def check_key(target: Place, club: Check) -> Check:
    """The key is good at the club."""
    if club.status != "ok":
        return Check(name="key", status="warn", detail="not checked: no club")
    if not target.api_key:
        return Check(
            name="key", status="warn", detail="there is none", fix="clubai login"
        )
    try:
        member = await rest.call("GET", target.url, "/api/me", key=target.api_key)
    except (AuthenticationError, PermissionDenied) as error:
        return Check(name="key", status="fail", detail=str(error), fix="clubai login")
    except (ConnectFailed, ClubAIError) as error:
        return Check(name="key", status="fail", detail=str(error), fix=_START_CLUB)
    return Check(name="key", status="ok", detail=f"of {member.get('name', '?')}")


def _clock_offset(date: str) -> float | None:
    try:
        theirs = email.utils.parsedate_to_datetime(date).timestamp()
    except ValueError:
        return None
    # The header has whole seconds, cut off.
    return time.time() - theirs - 0.5


def _nearest(path: Path) -> Path:
    """The path itself, or the nearest of its parents that exists."""
    path = path.absolute()
    while not path.exists() and path != path.parent:
        path = path.parent
    return path
