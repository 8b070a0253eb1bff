"""What a look at the local model server finds, and how fast it is."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import msgspec

from clubai.agent.backends.base import Backend, BackendInfo, UsageReport
from clubai.agent.backends.detect import detect
from clubai.agent.backends.embedded import open_embedded
from clubai.agent.config import BackendConfig
from clubai.cli.progress import with_model
from clubai.model import ModelOffer
from clubai.tui import plain

WARM_UP_TOKENS: Final = 16
_WARM_UP: Final[dict[str, Any]] = {
    "messages": [{"role": "user", "content": "Count from 1 to 100."}],
    "max_tokens": WARM_UP_TOKENS,
    "temperature": 0,
}


class WarmUp(msgspec.Struct, frozen=True, kw_only=True):
    """One short answer, measured."""

    model: str
    tokens: int
    first_token_ms: int
    tokens_per_second: float


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """The keys of `clubai-agent probe --json`."""

    kind: str
    version: str
    url: str
    slots: int
    models: tuple[dict[str, Any], ...]
    warm_up: WarmUp | None


async def probe(
    config: BackendConfig, *, env: Mapping[str, str], warm_up: bool
) -> Found:
    """Look at the server; with `warm_up` run a short answer on a warm model.

    A cold model is never loaded for this.

    Raises:
        BackendError: there is no server, or it broke while answering.
    """
    async with _opened(config, env) as backend:
        info = await backend.look()
        model = _warm_model(info)
        measured = await _measure(backend, model.name) if warm_up and model else None
    return Found(
        kind=info.kind,
        version=info.version,
        url=info.url,
        slots=info.slots,
        models=tuple(_fields(model) for model in info.models),
        warm_up=measured,
    )


def told(found: Found) -> str:
    """The findings for people."""
    lines = [
        f"{plain.name(found.kind)} {plain.name(found.version)} at {found.url}".strip(),
        f"{found.slots} requests at the same time",
    ]
    for model in found.models:
        state = "warm" if model["warm"] else "cold"
        context = f", {model['context']} tokens" if model["context"] else ""
        lines.append(f"  {plain.name(model['name'])}: {state}{context}")
    if not found.models:
        lines.append("  no models: load one in the server")
    if found.warm_up:
        speed = found.warm_up
        lines.append(
            f"{plain.name(speed.model)}: {speed.tokens_per_second:.1f} tokens/s, "
            f"first token after {speed.first_token_ms} ms"
        )
    return "\n".join(lines)


@asynccontextmanager
async def _opened(
    config: BackendConfig, env: Mapping[str, str]
) -> AsyncIterator[Backend]:
    if config.embedded:
        config = await with_model(config)
        async with open_embedded(
            Path(config.model),
            slots=config.slots or 1,
            threads=config.threads,
            context=config.context,
        ) as embedded:
            yield embedded
        return
    yield await detect(
        config.url,
        api_key=config.api_key,
        kind=config.kind,
        slots=config.slots,
        env=env,
    )


def _warm_model(info: BackendInfo) -> ModelOffer | None:
    able = (model for model in info.models if model.warm and "chat" in model.kinds)
    return next(able, None)


async def _measure(backend: Backend, model: str) -> WarmUp:
    started = first = time.monotonic()
    tokens = 0
    async with backend.run("chat", model, _WARM_UP) as pieces:
        begun = False
        async for piece in pieces:
            if not begun:
                begun, first = True, time.monotonic()
            if isinstance(piece, UsageReport):
                tokens = piece.completion_tokens
    ended = time.monotonic()
    after_first = max(tokens - 1, 0)
    return WarmUp(
        model=model,
        tokens=tokens,
        first_token_ms=round((first - started) * 1000),
        tokens_per_second=round(after_first / max(ended - first, 1e-6), 1),
    )


def _fields(model: ModelOffer) -> dict[str, Any]:
    return {
        "name": model.name,
        "warm": model.warm,
        "context": model.context,
        "kinds": list(model.kinds),
        "quantization": model.quantization,
    }
