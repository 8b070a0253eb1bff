"""Each kind of border is found, on both sides of what separates, and only there."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pytest

from clubai.splitting import borders
from clubai.splitting.borders import Borders, Finder, code_borders, text_borders


def marked(find: Finder, document: str) -> str:
    """The document with a bar at each border."""
    found = sorted(find(document))
    parts = zip([0, *found], [*found, len(document)], strict=True)
    return "|".join(document[start:end] for start, end in parts)


@pytest.mark.parametrize(
    ("find", "expected"),
    [
        (borders.GAPS, "a\nb\n\nc|\n\n\n|d"),
        (borders.GAPS, "a|\n\n\n\n\n|b\n\nc"),
        (borders.GAPS, "a\n|\f|b"),
        (borders.GAPS, "a|\n\n\n\f|b"),
        (borders.PARAGRAPHS, "a\nb|\n\n|c|\n\n\n|d"),
        (borders.PARAGRAPHS, "a|\n  \t\n|  b\n c"),
        (borders.PARAGRAPHS, "a\r\nb|\r\n\r\n|c"),
        (borders.LINES, "a|\n|b|\r\n|c|\r|d"),
        (borders.SENTENCES, "One.| |Two!| |Three?| |four."),
        (borders.SENTENCES, "“One.”| |(Two.)|\n|3 is three… it is.| |*Four.*| |Five"),
        (borders.SENTENCES, "See e.g. this one, i.e. it.| |Version 2.5 is out"),
        (borders.SENTENCES, "Mr. A. Smith and Dr. Who met Mrs. No.| |Then they left"),
        (borders.SENTENCES, "Wait... What?| |No"),
        (borders.SENTENCES, "一。|二\uff01|三」\uff1f」|四"),
        (borders.SENTENCES, "एक।| |दो"),
        (borders.WORDS, "one|  |two|\n|three"),
        (borders.CLAUSES, "一、|二\uff0c|三—|four"),
        (borders.DEFINITIONS, "import a|\n\n\n|def f():\n\n    a\n\n}\n"),
        (borders.MEMBERS, "class A:\n    a\n\n        b|\n\n|    c|\n\n|\td\n\ne"),
    ],
)
def test_where_borders_are(find: Finder, expected: str) -> None:
    assert marked(find, expected.replace("|", "")) == expected


def test_each_level_has_the_borders_of_the_stronger_ones() -> None:
    levels = list(text_borders("One. Two\nthree\n\nfour\n\n\nfive"))

    assert [set(weaker) - set(level) for level, weaker in pairwise(levels)] == [
        {14, 16},
        {8, 9, 15, 21, 22},
        {4, 5},
        set(),
        set(),
    ]
    assert all(level == sorted(level) for level in levels)


def test_a_weak_level_is_not_searched_for_before_it_is_asked_for() -> None:
    asked: list[str] = []

    def finder(name: str) -> Finder:
        def find(document: str) -> Iterator[int]:
            asked.append(name)
            yield len(document)

        return find

    found = Borders("text", [finder("strong"), finder("weak")], whole=-1)

    assert found[0] == [0, 4]
    assert asked == ["strong"]
    assert found[1] == [0, 4, 4]
    assert found[0] == [0, 4]
    assert asked == ["strong", "weak"]


def test_text_is_whole_in_sentences_and_code_in_lines() -> None:
    text, code = text_borders("A b. C\nd"), code_borders("A b. C\nd")

    assert text[text.whole] == [0, 4, 5, 6, 7]
    assert code[code.whole] == [0, 6, 7]
    assert (text.whole, code.whole) == (len(text) - 3, len(code) - 2)
