"""Prompts with places in braces: filling them, and the room that a place has.

A text that fills a place is never read for places itself, and braces that name no place
stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple

Count = Callable[[str], int]
"""Tokens of a text; text with something taken away has not more."""
Message = dict[str, str]
"""One message of a chat: its `role` and its `content`."""

SEAM_TOKENS: Final = 16
"""What a text may cost more in its place than alone, by `estimate_tokens`."""
MARGIN_TOKENS: Final = 64
MARGIN_SHARE: Final = 20
"""A chat template's own tokens, and one in 20 of the context for estimates too low."""

_PLACE: Final = re.compile(r"\{([a-z]+)\}")


class Template(NamedTuple):
    """A system text that is taken as it is, and a user's text with places."""

    system: str
    user: str

    def messages(self, values: Mapping[str, str]) -> list[Message]:
        """The prompt with its places filled; a place without a value stays as it is."""
        user = _PLACE.sub(lambda place: values.get(place[1], place[0]), self.user)
        return [
            {"role": "system", "content": self.system},
            {"role": "user", "content": user.lstrip("\n").rstrip()},
        ]

    def room(
        self,
        place: str,
        *,
        total: int,
        known: Mapping[str, str],
        most: Mapping[str, int],
        count: Count,
    ) -> int:
        """Tokens that fill `place` at most, so that the messages have at most `total`.

        `known` are the values of other places, `most` the tokens of those whose value
        is not known yet. Negative: not even the rest fits.
        """
        empty = dict.fromkeys([place, *most], "")
        left = total - tokens_of(self.messages({**known, **empty}), count)
        for name, tokens in most.items():
            left -= self.user.count(f"{{{name}}}") * (tokens + SEAM_TOKENS)
        return left // max(self.user.count(f"{{{place}}}"), 1) - SEAM_TOKENS


def with_place(text: str, place: str) -> str:
    """A text that has the place: at its end, if it was nowhere in it."""
    mark = f"{{{place}}}"
    return text if mark in text else f"{text}\n\n{mark}"


def tokens_of(messages: Iterable[Message], count: Count) -> int:
    """Tokens of all contents; those of the chat template are in `usable`."""
    return sum(count(message["content"]) for message in messages)


def usable(context: int) -> int:
    """Tokens of a context that prompt and answer may have, by an estimate."""
    return context - MARGIN_TOKENS - context // MARGIN_SHARE
