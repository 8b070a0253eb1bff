from __future__ import annotations

from pathlib import Path

import click
import msgspec
import pytest
from click.testing import CliRunner

from clubai.agent.config import AgentConfig
from clubai.cli import settings
from clubai.coordinator.config import CoordinatorConfig
from clubai.errors import ConfigError


def coordinator(
    toml: str = "",
    env: dict[str, str] | None = None,
    flags: dict[str, tuple[str, object]] | None = None,
    folder: Path | None = None,
) -> settings.Resolved[CoordinatorConfig]:
    file = None
    if folder is not None:
        file = folder / settings.FILE_NAME
        file.write_text(toml)
    return settings.resolve(
        CoordinatorConfig,
        "coordinator",
        settings.COORDINATOR,
        file=file,
        env=env or {},
        flags=flags or {},
    )


def agent(toml: str, folder: Path, env: dict[str, str] | None = None) -> AgentConfig:
    file = folder / settings.FILE_NAME
    file.write_text(toml)
    return settings.resolve(
        AgentConfig, "agent", settings.AGENT, file=file, env=env or {}
    ).config


def test_without_anything_it_is_the_defaults() -> None:
    resolved = coordinator()

    assert resolved.config == CoordinatorConfig()
    assert set(resolved.origins.values()) == {settings.DEFAULT}


def test_flag_beats_environment_beats_file_beats_default(tmp_path: Path) -> None:
    toml = "[coordinator]\nport = 1\nhost = 'file'\nname = 'file'\n"
    env = {"CLUBAI_PORT": "2", "CLUBAI_HOST": "env"}

    resolved = coordinator(toml, env, {"port": ("--port", "3")}, tmp_path)

    config = resolved.config
    assert (config.port, config.host, config.name) == (3, "env", "file")
    assert resolved.origins["port"] == "flag --port"
    assert resolved.origins["host"] == "environment CLUBAI_HOST"
    assert resolved.origins["name"] == str(tmp_path / settings.FILE_NAME)
    assert resolved.origins["data"] == settings.DEFAULT


def test_the_names_that_users_know_are_read() -> None:
    env = {
        "DATABASE_URL": "sqlite:///x.db",
        "JWT_SECRET": "s" * 32,
        "COORDINATOR_PRIVATE_KEY_PATH": "keys/c.key",
    }

    config = coordinator(env=env).config

    assert config.database_url == "sqlite:///x.db"
    assert config.jwt_secret == "s" * 32
    assert config.key_path == Path("keys/c.key")


def test_the_agents_names_that_users_know_are_read(tmp_path: Path) -> None:
    env = {
        "NODE_ID": "attic",
        "COORDINATOR_URL": "ws://club:8000/nodes/connect",
        "LMSTUDIO_URL": "http://localhost:1234/v1",
        "NODE_VRAM_GB": "12.5",
        "CLUBAI_API_KEY": "key",
    }

    config = agent("[agent.backend]\nslots = 3\n", tmp_path, env)

    assert config.name == "attic"
    assert config.coordinator_url == "ws://club:8000/nodes/connect"
    assert config.backend.url == "http://localhost:1234/v1"
    assert config.backend.slots == 3
    assert config.vram_gb == 12.5
    assert config.token == "key"


def test_a_list_is_written_with_commas_outside_of_the_file(tmp_path: Path) -> None:
    env = {"CLUBAI_ORIGINS": "club.example, 192.0.2.7:8000,"}

    assert coordinator(env=env).config.origins == ("club.example", "192.0.2.7:8000")
    toml = '[coordinator]\norigins = ["club.example"]\n'
    config = coordinator(toml, folder=tmp_path).config
    assert config.origins == ("club.example",)
    assert dict(settings.shown(config))["origins"] == ["club.example"]


def test_an_enrolment_token_is_read_and_not_shown() -> None:
    resolved = settings.resolve(
        AgentConfig, "agent", settings.AGENT, env={"CLUBAI_ENROL_TOKEN": "cet_x"}
    )

    assert resolved.config.enrol == "cet_x"
    assert dict(settings.shown(resolved.config))["enrol"] == "(set)"


def test_an_empty_variable_is_not_set() -> None:
    assert coordinator(env={"CLUBAI_PORT": ""}).config.port == 8000


def test_an_unknown_setting_is_named_with_its_file_and_the_nearest(
    tmp_path: Path,
) -> None:
    with pytest.raises(ConfigError) as caught:
        coordinator("[coordinator]\nprot = 1\n", folder=tmp_path)

    assert caught.value.field == "coordinator.prot"
    assert str(tmp_path / settings.FILE_NAME) in caught.value.fix
    assert "did you mean 'port'?" in caught.value.fix


def test_an_unknown_setting_inside_is_named_with_its_table(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"agent\.backend\.slot .*'slots'"):
        agent("[agent.backend]\nslot = 1\n", tmp_path)


def test_an_unknown_section_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="did you mean 'coordinator'"):
        coordinator("[cordinator]\nport = 1\n", folder=tmp_path)


def test_an_unknown_setting_near_nothing_lists_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="known: host, port"):
        coordinator("[coordinator]\nxyzzyxyzzy = 1\n", folder=tmp_path)


@pytest.mark.parametrize(
    ("toml", "env", "flags", "where"),
    [
        ("[coordinator]\nport = 'many'", {}, {}, "clubai.toml"),
        ("", {"CLUBAI_PORT": "many"}, {}, "environment CLUBAI_PORT"),
        ("", {}, {"port": ("--port", "many")}, "flag --port"),
    ],
)
def test_a_wrong_value_is_told_with_where_it_was_read(
    tmp_path: Path,
    toml: str,
    env: dict[str, str],
    flags: dict[str, tuple[str, object]],
    where: str,
) -> None:
    with pytest.raises(ConfigError) as caught:
        coordinator(toml, env, flags, tmp_path)

    assert caught.value.field.startswith("port (")
    assert where in caught.value.field
    assert caught.value.value == "many"


def test_a_value_out_of_bounds_is_told() -> None:
    with pytest.raises(ConfigError, match="65535"):
        coordinator(env={"CLUBAI_PORT": "70000"})


def test_a_secret_that_is_wrong_is_not_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as unknown:
        coordinator("[coordinator]\njwt_secrt = 'hush'\n", folder=tmp_path)
    with pytest.raises(ConfigError) as short:
        coordinator(env={"JWT_SECRET": "hush"})

    assert "hush" not in str(unknown.value)
    assert "hush" not in str(short.value)


def test_a_file_that_is_not_toml_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="not TOML"):
        coordinator("port: 1", folder=tmp_path)


def test_the_file_is_found_here_then_at_the_users(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, user = tmp_path / "here", tmp_path / "config" / "clubai"
    here.mkdir()
    user.mkdir(parents=True)
    monkeypatch.chdir(here)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    assert settings.find_file() is None

    (user / settings.FILE_NAME).touch()
    assert settings.find_file() == user / settings.FILE_NAME

    (here / settings.FILE_NAME).touch()
    assert settings.find_file() == Path(settings.FILE_NAME)


def test_a_named_file_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        settings.find_file(tmp_path / "nowhere.toml")


def test_shown_values_hide_secrets() -> None:
    config = coordinator(env={"JWT_SECRET": "s" * 32}).config

    shown = dict(settings.shown(config))

    assert shown["jwt_secret"] == "(set)"
    assert shown["database_url"] == ""
    assert shown["port"] == 8000


@pytest.mark.parametrize(
    ("kind", "table"),
    [(CoordinatorConfig, settings.COORDINATOR), (AgentConfig, settings.AGENT)],
)
def test_every_setting_of_the_table_is_a_field(
    kind: type[msgspec.Struct], table: tuple[settings.Setting, ...]
) -> None:
    paths = set(settings._paths(kind))

    assert {setting.path for setting in table} <= paths


def test_only_what_was_typed_is_a_flag() -> None:
    found: dict[str, tuple[str, object]] = {}

    @click.command()
    @settings.options(settings.AGENT)
    @click.pass_context
    def command(ctx: click.Context, **_: object) -> None:
        found.update(settings.flags_given(ctx, settings.AGENT))

    result = CliRunner().invoke(
        command,
        ["--embedded", "--name", "attic"],
        env={"LMSTUDIO_URL": "http://x", "NODE_ID": "other"},
    )

    assert result.exit_code == 0, result.output
    assert found == {
        "name": ("--name", "attic"),
        "backend.embedded": ("--embedded", True),
    }


def test_a_list_is_read_from_file_and_environment_and_flag(tmp_path: Path) -> None:
    toml = '[coordinator]\ntrusted_proxies = ["10.0.0.1", "10.1.0.0/16"]\n'
    env = {"CLUBAI_TRUSTED_PROXIES": "10.0.0.2, fd00::/8"}
    flags = {"trusted_proxies": ("--trusted-proxies", "10.0.0.3,")}

    assert coordinator(toml, folder=tmp_path).config.trusted_proxies == (
        "10.0.0.1",
        "10.1.0.0/16",
    )
    assert coordinator(env=env).config.trusted_proxies == ("10.0.0.2", "fd00::/8")
    assert coordinator(flags=flags, env=env).config.trusted_proxies == ("10.0.0.3",)
    with pytest.raises(ConfigError, match="trusted_proxies has 'proxy'"):
        coordinator(env={"CLUBAI_TRUSTED_PROXIES": "proxy"})
