"""Names for the shell's completion, asked from the club in less than a second."""

from __future__ import annotations

from typing import Final

import click
from click.shell_completion import CompletionItem

from clubai.errors import ClubAIError

_PATIENCE_S: Final = 0.8


def complete_models(
    ctx: click.Context, param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """The models that the club offers now; none when it cannot be asked."""
    from clubai.cli import place
    from clubai.cli.running import run
    from clubai.client import rest

    async def names() -> list[str]:
        target = place.find(ctx.params.get("url"), ctx.params.get("api_key"))
        answer = await rest.call(
            "GET",
            target.url,
            "/v1/models",
            key=target.api_key,
            timeout_s=_PATIENCE_S,
        )
        return [str(model["id"]) for model in answer.get("data", [])]

    try:
        found = run(names)
    except (ClubAIError, BaseExceptionGroup):
        return []
    return [CompletionItem(name) for name in found if name.startswith(incomplete)]
