"""Use a club through the `openai` package, as any program for that API would.

python -m pip install openai
python examples/stream_with_openai.py
"""

from __future__ import annotations

import anyio
from openai import AsyncOpenAI

from clubai import open_club


async def main() -> None:
    async with (
        open_club(agents=2) as club,
        AsyncOpenAI(base_url=club.openai_url, api_key=club.api_key) as openai,
    ):
        models = await openai.models.list()
        model = models.data[0].id
        stream = await openai.chat.completions.create(
            model=model,
            messages=[
                {"role": "system", "content": "Answer in one short sentence."},
                {"role": "user", "content": "What is the largest ocean on Earth?"},
            ],
            max_tokens=60,
            temperature=0,
            stream=True,
            stream_options={"include_usage": True},
        )
        async for chunk in stream:
            for choice in chunk.choices:
                print(choice.delta.content or "", end="", flush=True)
            if chunk.usage is not None:
                print(f"\n{model}: {chunk.usage.completion_tokens} tokens")


if __name__ == "__main__":
    anyio.run(main)
