from __future__ import annotations

from clubai.agent.config import BackendConfig
from clubai.cli.probing import WARM_UP_TOKENS, Found, WarmUp, probe, told
from support.thread_backend import MODEL, parrot


async def test_a_server_is_looked_at_and_measured() -> None:
    with parrot() as backend:
        found = await probe(BackendConfig(url=backend.url), env={}, warm_up=True)
        chat = backend.chats[0]

    assert (found.kind, found.slots) == ("generic", 1)
    assert found.warm_up is not None
    assert (found.warm_up.model, found.warm_up.tokens) == (MODEL, 4)
    assert found.warm_up.tokens_per_second > 0
    assert chat["max_tokens"] == WARM_UP_TOKENS


async def test_slots_of_the_settings_win() -> None:
    with parrot() as backend:
        config = BackendConfig(url=backend.url, slots=7)

        assert (await probe(config, env={}, warm_up=False)).slots == 7


async def test_the_environment_names_the_server() -> None:
    with parrot() as backend:
        env = {"CLUBAI_BACKEND_URL": backend.url}

        found = await probe(BackendConfig(), env=env, warm_up=False)

    assert found.models[0]["name"] == MODEL


def found(**changes: object) -> Found:
    fields: dict[str, object] = {
        "kind": "ollama",
        "version": "0.9",
        "url": "http://localhost:11434",
        "slots": 2,
        "models": (
            {"name": "a\x1b", "warm": True, "context": 4096},
            {"name": "b", "warm": False, "context": 0},
        ),
        "warm_up": WarmUp(
            model="a", tokens=16, first_token_ms=90, tokens_per_second=41
        ),
    }
    return Found(**{**fields, **changes})  # type: ignore[arg-type]


def test_findings_are_told_in_lines() -> None:
    assert told(found()).splitlines() == [
        "ollama 0.9 at http://localhost:11434",
        "2 requests at the same time",
        "  a?: warm, 4096 tokens",
        "  b: cold",
        "a: 41.0 tokens/s, first token after 90 ms",
    ]


def test_a_server_without_models_says_so() -> None:
    assert "no models" in told(found(models=(), warm_up=None))
