from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from clubai.coordinator.config import CoordinatorConfig
from clubai.coordinator.limits import EdgeLimits
from clubai.reputation.rules import CLUB

SECRET = "s" * 32


def test_the_defaults_are_the_ones_that_are_documented() -> None:
    config = CoordinatorConfig()

    assert (config.host, config.port) == ("127.0.0.1", 8000)
    assert config.data == Path("data")
    assert config.database == "sqlite:///data/clubai.db"
    assert config.key_file == Path("data/coordinator.key")
    assert config.registration_rule == "open"


def test_what_lies_in_the_data_directory_goes_with_it() -> None:
    config = CoordinatorConfig(data=Path("/srv/club"))

    assert config.database == "sqlite:////srv/club/clubai.db"
    assert config.key_file == Path("/srv/club/coordinator.key")


def test_database_and_key_file_may_be_elsewhere() -> None:
    config = CoordinatorConfig(database_url="memory://", key_path=Path("/keys/c.key"))

    assert config.database == "memory://"
    assert config.key_file == Path("/keys/c.key")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"port": -1}, "port is -1"),
        ({"port": 65_536}, "port is 65536"),
        ({"heartbeat_s": 0.0}, "heartbeat_s is 0"),
        ({"login_s": -1.0}, "login_s is -1"),
        ({"login_s": float("nan")}, "login_s is nan"),
        ({"shutdown_s": -0.1}, "shutdown_s is -0.1"),
        ({"max_nodes_member": -1}, "max_nodes_member is -1"),
        ({"without_policies": "escro"}, "'escro', it must be one of confirmed_only"),
        ({"currency": "euro"}, "currency is 'euro'"),
        ({"cap_bp": 0}, "cap_bp is 0"),
        ({"cap_bp": 10_001}, "cap_bp is 10001"),
        ({"origins": ("club.example", "http://")}, "no host"),
        ({"jwt_secret": "hunter2"}, "openssl rand -hex 32"),
        ({"jwt_secret": "\udcff" * 31}, "openssl rand -hex 32"),
        ({"jwt_secret": SECRET + ",hunter2"}, "openssl rand -hex 32"),
        ({"jwt_secret": " , "}, "openssl rand -hex 32"),
        ({"trusted_proxies": ("10.0.0.0/8", "proxy")}, "'proxy', which is no address"),
    ],
)
def test_a_wrong_value_is_refused_with_its_name(
    wrong: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValueError, match=said) as refused:
        CoordinatorConfig(**wrong)

    assert "hunter2" not in str(refused.value)


def test_the_outermost_values_are_taken() -> None:
    CoordinatorConfig(port=0, shutdown_s=0.0)
    CoordinatorConfig(port=65_535, jwt_secret=SECRET)
    CoordinatorConfig(jwt_secret="ü" * 16)


def test_the_addresses_that_count_are_those_that_are_set() -> None:
    config = CoordinatorConfig(origins=("https://Club.Example/", "club.example:443"))

    assert config.origins_for("evil.example") == ("club.example",)
    assert config.origins_for("") == ("club.example",)


def test_without_any_the_address_of_the_request_counts() -> None:
    config = CoordinatorConfig()

    assert config.origins_for("Club.Example:8000") == ("club.example:8000",)
    assert config.origins_for("") == ()
    assert config.origins_for("[::") == ()


def test_an_unknown_field_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="prot"):
        msgspec.convert({"prot": 8000}, CoordinatorConfig)


def test_the_secret_is_kept_as_the_environment_has_it() -> None:
    secrets = CoordinatorConfig(jwt_secret="\udcff" + "s" * 31).jwt_secrets

    assert secrets == (b"\xff" + b"s" * 31,)


@pytest.mark.parametrize("between", [",", "\n", ", ", ",\n\n"])
def test_several_secrets_are_kept_in_their_order(between: str) -> None:
    text = between.join(["a" * 32, "b" * 40]) + "\n"

    assert CoordinatorConfig(jwt_secret=text).jwt_secrets == (b"a" * 32, b"b" * 40)
    assert CoordinatorConfig().jwt_secrets == ()


def test_repr_shows_no_secret() -> None:
    config = CoordinatorConfig(jwt_secret=SECRET, database_url="sqlite:///hunter2")

    assert SECRET not in repr(config)
    assert "hunter2" not in repr(config)
    assert "8000" in repr(config)


@pytest.mark.parametrize(
    ("host", "given", "rule"),
    [
        ("127.0.0.1", "", "open"),
        ("localhost", "", "open"),
        ("::1", "", "open"),
        ("0.0.0.0", "", "invite"),  # noqa: S104 - only looked at
        ("192.0.2.1", "", "invite"),
        ("127.0.0.1", "invite", "invite"),
        ("0.0.0.0", "open", "open"),  # noqa: S104 - only looked at
        ("127.0.0.1", "closed", "closed"),
    ],
)
def test_who_may_register_depends_on_who_can_reach_it(
    host: str, given: Any, rule: str
) -> None:
    config = CoordinatorConfig(host=host, registration=given)

    assert config.registration_rule == rule


@pytest.mark.parametrize(
    ("host", "hosts", "served"),
    [
        ("127.0.0.1", "", {"localhost", "127.0.0.1", "[::1]"}),
        ("::1", "", {"localhost", "127.0.0.1", "[::1]"}),
        (
            "127.0.0.1",
            " a.example, b.example,",
            {"a.example", "b.example", "localhost", "127.0.0.1", "[::1]"},
        ),
        ("192.0.2.1", "", set()),
        (
            "192.0.2.1",
            ("a.example",),
            {"a.example", "192.0.2.1", "localhost", "127.0.0.1", "[::1]"},
        ),
    ],
)
def test_the_names_that_are_served_are_our_own(
    host: str, hosts: Any, served: set[str]
) -> None:
    config = CoordinatorConfig(host=host, hosts=hosts)

    assert set(config.served_names) == served
    assert config.server_limits.server_names == config.served_names


def test_the_servers_limits_are_the_edges() -> None:
    edge = EdgeLimits(connections_per_address=7, count_loopback=True, max_memory_mb=123)
    config = CoordinatorConfig(
        max_connections=9, edge=edge, trusted_proxies=("10.0.0.7",)
    )

    limits = config.server_limits

    assert (limits.max_connections, limits.max_connections_per_address) == (9, 7)
    assert (limits.count_loopback, limits.max_memory_mb) == (True, 123)
    assert limits.trusted_proxies == ("10.0.0.7",)


def test_policies_can_be_off() -> None:
    config = CoordinatorConfig(without_policies="escrow, probation")

    assert not config.rules.escrow
    assert not config.rules.probation
    assert config.rules.slash
    assert CoordinatorConfig().rules == CLUB
