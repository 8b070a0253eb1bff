from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubai.agent.config import AgentConfig, BackendConfig, node_url
from clubai.errors import ConfigError


@pytest.mark.parametrize(
    ("given", "dialled"),
    [
        ("ws://localhost:8000/nodes/connect", "ws://localhost:8000/nodes/connect"),
        ("http://localhost:8000", "ws://localhost:8000/nodes/connect"),
        ("https://club.example/", "wss://club.example/nodes/connect"),
        ("wss://club.example/club/nodes", "wss://club.example/club/nodes"),
        ("HTTPS://club.example", "wss://club.example/nodes/connect"),
        ("localhost:8000", "ws://localhost:8000/nodes/connect"),
        ("192.0.2.1", "ws://192.0.2.1/nodes/connect"),
        ("http://[::1]:8000", "ws://[::1]:8000/nodes/connect"),
        ("http://club.example/?x=1#y", "ws://club.example/nodes/connect"),
    ],
)
def test_the_address_of_a_club_leads_to_its_door_for_nodes(
    given: str, dialled: str
) -> None:
    assert node_url(given) == dialled


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "ftp://club.example",
        "http://",
        "ws://:8000",
        "ws:///nodes/connect",
        "ws://club.example:port",
        "ws://club.example:99999",
        "ws://[::1",
    ],
)
def test_what_is_no_address_is_refused_with_an_example(wrong: str) -> None:
    with pytest.raises(ConfigError) as refused:
        node_url(wrong)

    assert (refused.value.field, refused.value.value) == ("COORDINATOR_URL", wrong)
    assert "ws://localhost:8000/nodes/connect" in refused.value.fix


def test_credentials_in_an_address_are_refused_and_not_shown() -> None:
    with pytest.raises(ConfigError, match="leave the credentials out") as refused:
        node_url("wss://alice:hunter2@club.example:1")

    assert "hunter2" not in str(refused.value)
    assert refused.value.value == "wss://...@club.example:1"


@given(st.text(max_size=30))
def test_any_text_is_an_address_or_refused(text: str) -> None:
    try:
        dialled = node_url(text)
    except ConfigError:
        return

    assert dialled.startswith(("ws://", "wss://"))


def test_the_defaults_are_the_ones_that_are_documented() -> None:
    config = AgentConfig()

    assert config.coordinator_url == "ws://127.0.0.1:8000/nodes/connect"
    assert config.key_file == Path("data/node.key")
    assert config.backend == BackendConfig()
    assert AgentConfig(data=Path("/srv/node")).key_file == Path("/srv/node/node.key")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"look_s": 0.0}, "look_s"),
        ({"look_s": float("nan")}, "look_s"),
        ({"request_timeout_s": 0.0}, "request_timeout_s"),
        ({"vram_gb": -1.0}, "vram_gb"),
        ({"name": ""}, "NODE_ID"),
        ({"name": " attic"}, "NODE_ID"),
        ({"name": "at\ntic"}, "NODE_ID"),
        ({"name": "x" * 257}, "NODE_ID"),
        ({"token": "hunter2\n"}, "line ends"),
        ({"token": "hunter2é"}, "token"),
        ({"enrol": "hunter2\n"}, "enrol"),
    ],
)
def test_a_wrong_value_is_refused_with_its_name(
    wrong: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValueError, match=said) as refused:
        AgentConfig(**wrong)

    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [({"slots": -1}, "slots"), ({"threads": 0}, "threads"), ({"context": 127}, "128")],
)
def test_a_wrong_value_of_a_backend_is_refused(
    wrong: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        BackendConfig(**wrong)


def test_the_outermost_values_are_taken() -> None:
    AgentConfig(name="x" * 256, vram_gb=0.0, look_s=0.001)
    AgentConfig(name="die Werkstatt, oben")
    BackendConfig(slots=0, threads=1, context=128)


@pytest.mark.parametrize(
    ("type_", "fields"),
    [(AgentConfig, {"nam": "x"}), (AgentConfig, {"backend": {"ulr": "x"}})],
)
def test_an_unknown_field_is_refused(type_: type, fields: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError, match="unknown field"):
        msgspec.convert(fields, type_)


def test_reprs_show_no_secret() -> None:
    backend = BackendConfig(kind="vllm", url="http://localhost:1", api_key="hunter2")
    config = AgentConfig(
        token="hunter2", enrol="hunter2", name="attic", backend=backend
    )

    for shown in (repr(config), repr(backend)):
        assert "hunter2" not in shown
    assert "attic" in repr(config)
    assert "vllm" in repr(backend)
