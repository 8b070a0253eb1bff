"""One rule for every setting: default < `clubai.toml` < environment < flag.

A program's settings are one frozen struct, made by `resolve` from a table of
`Setting`s. The same table makes the command's options and `clubai config show`, so
that a name exists in one place. A wrong value is told with where it was read.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Generic, TypeVar, Union, get_args, get_origin

import click
import msgspec
import platformdirs

from clubai.cli.options import option
from clubai.errors import ConfigError

FILE_NAME: Final = "clubai.toml"
SECTIONS: Final = ("coordinator", "agent")
SECRETS: Final = frozenset(
    {"jwt_secret", "token", "enrol", "api_key", "backend.api_key", "database_url"}
)
DEFAULT: Final = "default"

T = TypeVar("T", bound=msgspec.Struct)


class Setting(msgspec.Struct, frozen=True):
    """One field of a config struct, and the names it goes by outside."""

    path: str
    """Dotted, as in the file: `port`, `backend.url`."""
    help: str
    variables: tuple[str, ...]
    """Environment variables, the first that is set wins."""
    flag: str = ""
    """Empty: no flag, because arguments are seen by every user of the machine."""
    switch: bool = False
    choices: tuple[str, ...] = ()
    many: bool = False
    """A list: outside of the file it is written with commas."""

    @property
    def parameter(self) -> str:
        """The name click gives to the flag's value."""
        return self.path.replace(".", "_")


class Resolved(msgspec.Struct, Generic[T], frozen=True):
    """A config, and where each of its values came from."""

    config: T
    origins: dict[str, str]
    """Dotted path to `default`, a file, `environment NAME` or `flag --NAME`."""


COORDINATOR: Final = (
    Setting("host", "The address to listen on.", ("CLUBAI_HOST",), "--host"),
    Setting("port", "The port; 0 takes any free one.", ("CLUBAI_PORT",), "--port"),
    Setting("data", "Where keys and database live.", ("CLUBAI_DATA",), "--data"),
    Setting(
        "database_url",
        "sqlite:///PATH; else clubai.db in the data directory.",
        ("DATABASE_URL", "CLUBAI_DATABASE_URL"),
        "--database-url",
    ),
    Setting(
        "jwt_secret",
        "Signs members' tokens; several with commas: the first signs, all verify."
        " Else made from the coordinator's key file.",
        ("JWT_SECRET", "CLUBAI_JWT_SECRET"),
    ),
    Setting(
        "key_path",
        "The coordinator's private key; else in the data directory.",
        ("COORDINATOR_PRIVATE_KEY_PATH", "CLUBAI_KEY_PATH"),
        "--key-path",
    ),
    Setting(
        "registration",
        "Who may register.",
        ("CLUBAI_REGISTRATION",),
        "--registration",
        choices=("open", "invite", "closed"),
    ),
    Setting(
        "without_policies",
        "Policies of reputation that are off, with commas, e.g. escrow,probation.",
        ("CLUBAI_WITHOUT_POLICIES",),
        "--without-policies",
        many=True,
    ),
    Setting(
        "currency",
        "Of fees and pay: three letters.",
        ("CLUBAI_CURRENCY",),
        "--currency",
    ),
    Setting(
        "rate_card",
        "What work is worth, as a TOML file; else the club's own card.",
        ("CLUBAI_RATE_CARD",),
        "--rate-card",
    ),
    Setting(
        "cap_bp",
        "The most of a pool that one member gets, in hundredths of a percent.",
        ("CLUBAI_CAP_BP",),
    ),
    Setting(
        "two_people",
        "Closing a month takes two operators or treasurers.",
        ("CLUBAI_TWO_PEOPLE",),
        "--two-people",
        switch=True,
    ),
    Setting(
        "trusted_proxies",
        "Whose X-Forwarded-For is believed: addresses or networks, with commas.",
        ("CLUBAI_TRUSTED_PROXIES",),
        "--trusted-proxies",
        many=True,
    ),
    Setting(
        "hosts",
        "Host names it is reached by, with commas; else loopback's or any.",
        ("CLUBAI_HOSTS",),
        "--hosts",
    ),
    Setting("name", "The club's name.", ("CLUBAI_CLUB_NAME",), "--name"),
    Setting(
        "origins",
        "The addresses by which agents dial, e.g. club.example,192.0.2.7:8000.",
        ("CLUBAI_ORIGINS",),
        "--origins",
        many=True,
    ),
    Setting(
        "max_nodes_member",
        "How many nodes one member may enrol.",
        ("CLUBAI_MAX_NODES_MEMBER",),
    ),
)
AGENT: Final = (
    Setting(
        "coordinator_url",
        "The club, e.g. ws://localhost:8000/nodes/connect.",
        ("COORDINATOR_URL", "CLUBAI_URL"),
        "--coordinator",
    ),
    Setting(
        "token",
        "The owner's key; for the first start only.",
        ("CLUBAI_API_KEY",),
        "--api-key",
    ),
    Setting(
        "enrol",
        "A one-use token of `clubai node enrol`; for the first start only.",
        ("CLUBAI_ENROL_TOKEN",),
        "--enrol",
    ),
    Setting("name", "The node's name, for people.", ("NODE_ID",), "--name"),
    Setting("data", "Where the node's key lives.", ("CLUBAI_DATA",), "--data"),
    Setting("vram_gb", "The node's video memory.", ("NODE_VRAM_GB",), "--vram-gb"),
    Setting(
        "backend.url",
        "The local model server; else looked for on this machine.",
        ("CLUBAI_BACKEND_URL", "LMSTUDIO_URL"),
        "--backend-url",
    ),
    Setting(
        "backend.kind",
        "What the model server is; else found out.",
        ("CLUBAI_BACKEND_KIND",),
        "--backend-kind",
    ),
    Setting("backend.api_key", "The server's key.", ("CLUBAI_BACKEND_API_KEY",)),
    Setting(
        "backend.open_ok",
        "Use a model server that others can reach without a key.",
        ("CLUBAI_BACKEND_OPEN_OK",),
        "--i-know-the-backend-is-open",
        switch=True,
    ),
    Setting(
        "backend.slots",
        "Requests at the same time; else as the server says.",
        ("CLUBAI_SLOTS",),
        "--slots",
    ),
    Setting(
        "backend.embedded",
        "Run the embedded model in place of a server.",
        ("CLUBAI_EMBEDDED",),
        "--embedded",
        switch=True,
    ),
    Setting(
        "backend.model",
        "The embedded model: a name or a GGUF file.",
        ("CLUBAI_MODEL",),
        "--model",
    ),
    Setting(
        "backend.threads",
        "Threads of the embedded model.",
        ("CLUBAI_THREADS",),
        "--threads",
    ),
)


def options(
    table: Sequence[Setting],
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command a flag for each setting that has one, and `--config`."""

    def decorate(func: Callable[..., Any]) -> Callable[..., Any]:
        for setting in reversed(table):
            if setting.flag:
                func = _option(setting)(func)
        return option(
            "--config",
            "config_file",
            type=click.Path(path_type=Path, dir_okay=False),
            envvar="CLUBAI_CONFIG",
            help=f"A settings file; else ./{FILE_NAME}, else the user's.",
        )(func)

    return decorate


def flags_given(
    ctx: click.Context, table: Sequence[Setting]
) -> dict[str, tuple[str, object]]:
    """What was typed: dotted path to flag and value. Variables are read later."""
    typed = click.core.ParameterSource.COMMANDLINE
    return {
        setting.path: (setting.flag, ctx.params[setting.parameter])
        for setting in table
        if setting.flag and ctx.get_parameter_source(setting.parameter) is typed
    }


def find_file(explicit: Path | None = None) -> Path | None:
    """The settings file to read, or None when there is none."""
    if explicit is not None:
        if not explicit.is_file():
            raise ConfigError("--config", str(explicit), "there is no such file")
        return explicit
    user = Path(platformdirs.user_config_dir("clubai"))
    for folder in (Path(), user):
        if (folder / FILE_NAME).is_file():
            return folder / FILE_NAME
    return None


def read_file(path: Path | None) -> dict[str, Any]:
    """The sections of the file; only the known ones may be there."""
    if path is None:
        return {}
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError("settings file", str(path), f"not TOML: {error}") from error
    for name, section in content.items():
        if name not in SECTIONS:
            raise _unknown(name, SECTIONS, str(path))
        if not isinstance(section, dict):
            raise ConfigError(name, section, f"write it as a table [{name}] in {path}")
    return content


def resolve(
    kind: type[T],
    section: str,
    table: Sequence[Setting],
    *,
    file: Path | None = None,
    env: Mapping[str, str] | None = None,
    flags: Mapping[str, tuple[str, object]] | None = None,
) -> Resolved[T]:
    """Make the config of `section`.

    Raises:
        ConfigError: with the setting, where it was read, and the fix.
    """
    env = os.environ if env is None else env
    merged: dict[str, Any] = {}
    origins = dict.fromkeys(_paths(kind), DEFAULT)
    for path, value in _checked(read_file(file).get(section, {}), kind, section, file):
        _put(merged, path, value)
        origins[path] = str(file)
    for setting in table:
        name = next((name for name in setting.variables if env.get(name)), "")
        if name:
            _put(merged, setting.path, _split(setting, env[name]))
            origins[setting.path] = f"environment {name}"
        if flags and setting.path in flags:
            flag, value = flags[setting.path]
            _put(merged, setting.path, _split(setting, value))
            origins[setting.path] = f"flag {flag}"
    try:
        config = msgspec.convert(merged, kind, strict=False, dec_hook=_decode)
    except msgspec.ValidationError as error:
        raise _located(error, merged, origins) from error
    return Resolved(config, origins)


def shown(config: msgspec.Struct) -> Iterator[tuple[str, object]]:
    """Every value by its dotted path, secrets replaced by whether they are set."""
    for path in _paths(type(config)):
        value: object = config
        for name in path.split("."):
            value = getattr(value, name)
        if path in SECRETS and value:
            value = "(set)"
        if isinstance(value, tuple):
            value = list(value)
        yield path, value


class _Hidden:
    """Stands for a value that may be a secret."""

    def __repr__(self) -> str:
        return "(not shown)"


def _option(setting: Setting) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    kind: dict[str, Any] = {"default": None}
    if setting.switch:
        kind = {"is_flag": True, "default": None}
    elif setting.choices:
        kind["type"] = click.Choice(setting.choices)
    return option(
        setting.flag,
        setting.parameter,
        envvar=list(setting.variables),
        help=setting.help,
        **kind,
    )


def _split(setting: Setting, value: object) -> object:
    if not setting.many:
        return value
    return [part.strip() for part in str(value).split(",") if part.strip()]


def _decode(kind: type, value: object) -> object:
    if issubclass(kind, Path):
        return kind(str(value)).expanduser()
    raise NotImplementedError(kind)


def _struct_in(annotation: object) -> type[msgspec.Struct] | None:
    """The struct that a field holds, also when it may be None."""
    if get_origin(annotation) in (Union, types.UnionType):
        found = (_struct_in(inner) for inner in get_args(annotation))
        return next((kind for kind in found if kind), None)
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        return annotation
    return None


def _paths(kind: type[msgspec.Struct], prefix: str = "") -> Iterator[str]:
    for field in msgspec.structs.fields(kind):
        inner = _struct_in(field.type)
        if inner is None:
            yield prefix + field.name
        else:
            yield from _paths(inner, f"{prefix}{field.name}.")


def _checked(
    values: Mapping[str, Any],
    kind: type[msgspec.Struct],
    where: str,
    file: Path | None,
    prefix: str = "",
) -> Iterator[tuple[str, Any]]:
    """Flatten the file's values; an unknown one is told with the nearest known."""
    fields = {field.name: field.type for field in msgspec.structs.fields(kind)}
    for name, value in values.items():
        if name not in fields:
            raise _unknown(f"{where}.{name}", tuple(fields), str(file))
        inner = _struct_in(fields[name])
        if inner is None:
            yield prefix + name, value
        elif isinstance(value, dict):
            yield from _checked(
                value, inner, f"{where}.{name}", file, f"{prefix}{name}."
            )
        else:
            fix = f"write it as a table [{where}.{name}] in {file}"
            raise ConfigError(f"{where}.{name}", _Hidden(), fix)


def _put(target: dict[str, Any], path: str, value: object) -> None:
    *parents, name = path.split(".")
    for parent in parents:
        target = target.setdefault(parent, {})
    target[name] = value


def _unknown(path: str, known: Sequence[str], where: str) -> ConfigError:
    near = difflib.get_close_matches(path.rpartition(".")[2], known, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"
    return ConfigError(path, _Hidden(), f"{where} has no such setting; {hint}")


def _located(
    error: msgspec.ValidationError, merged: Mapping[str, Any], origins: dict[str, str]
) -> ConfigError:
    """Turn `... - at `$.backend.slots`` into the setting and where it was read."""
    text, _, place = str(error).partition(" - at ")
    match = re.fullmatch(r"`\$\.(.+)`", place)
    path = match[1] if match else ""
    value: object = merged
    for name in path.split(".") if path else ():
        value = value.get(name, "") if isinstance(value, dict) else ""
    if path in SECRETS or isinstance(value, dict):
        value = _Hidden()
    origin = origins.get(path, "")
    field = f"{path or 'settings'} ({origin})" if origin else path or "settings"
    return ConfigError(field, value, text[:1].lower() + text[1:])
