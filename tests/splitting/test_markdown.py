"""Blocks and headings are where CommonMark says."""

from __future__ import annotations

import pytest

from clubai.splitting.markdown import (
    BLOCKS,
    TITLE_LENGTH,
    Markdown,
    parse,
    shorten,
)


def marked(document: str, level: int) -> str:
    """The document with a bar at each border of a level or a stronger one."""
    found = sorted(set(Markdown(document).borders()[level]) - {0})
    parts = zip([0, *found], [*found, len(document)], strict=True)
    return "|".join(document[start:end] for start, end in parts)


def check(expected: str, level: int) -> None:
    assert marked(expected.replace("|", ""), level) == expected


def test_headings_are_borders_by_rank() -> None:
    check("# A\n\na\n\n## B\n\nb|\n\n|# C\n\nc\n\n### D\nd", 0)
    check("# A\n\na|\n\n|## B\n\nb|\n\n|# C\n\nc\n\n### D\nd", 1)
    check("# A\n\na|\n\n|## B\n\nb|\n\n|# C\n\nc|\n\n|### D\nd", 2)


def test_underlined_headings_are_headings() -> None:
    check("a|\n\n|B\n===\nb\n\nC\n---\nc", 0)
    check("a|\n\n|B\n===\nb|\n\n|C\n---\nc", 1)


def test_blocks_are_borders_and_a_heading_belongs_to_the_one_below() -> None:
    check("# A\n\na\na|\n\n|b|\n|```\nc\n\n# d\n```|\n|e|\n\n|- f\n- g", BLOCKS)


def test_a_heading_is_cut_off_only_when_it_must_be() -> None:
    document = "# A\n\n## B\n\na\n\n# C\n# D\n"

    check("# A\n\n## B\n\na|\n\n|# C|\n|# D\n", BLOCKS)
    assert marked(document, BLOCKS + 1) == "# A|\n\n|## B|\n\n|a|\n\n|# C|\n|# D\n"


def test_blocks_in_blocks_are_weaker_borders() -> None:
    document = "a\n\n- b\n- c\n\n  ```\n  d\n\n  e\n  ```\n- f\n"

    check("a|\n\n|- b\n- c\n\n  ```\n  d\n\n  e\n  ```\n- f\n", BLOCKS)
    check("a|\n\n|- b|\n|- c\n\n  ```\n  d\n\n  e\n  ```|\n|- f|\n|", BLOCKS + 2)
    assert "|  ```\n  d\n\n  e\n  ```|" in marked(document, BLOCKS + 3)


def test_what_looks_like_a_heading_in_code_is_none() -> None:
    markdown = Markdown("# A\n\n```\n# b\n```\n\n    # c\n\n> # d\n\nend")

    assert markdown.heading(10**6) == "A"


def test_the_path_has_the_headings_that_an_offset_is_under() -> None:
    document = "0\n\n# A\n\n1\n\n### B *b*\n\n2\n\n## C\n\n3\n\nD\n=\n\n4\n"
    markdown = Markdown(document)

    paths = [markdown.heading(document.index(digit)) for digit in "01234"]
    assert paths == ["", "A", "A > B *b*", "A > C", "D"]
    assert markdown.heading(document.index("# A")) == "A"
    assert markdown.heading(document.index("# A") - 1) == ""


def test_a_title_is_one_line_and_not_too_long() -> None:
    assert shorten("  a\n b  c ") == "a b c"
    assert shorten("x" * TITLE_LENGTH) == "x" * TITLE_LENGTH
    assert len(shorten("x" * 10_000)) == TITLE_LENGTH
    assert Markdown("a\nb\n===\n\nc").heading(9) == "a b"


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_front_matter_is_no_heading(newline: str) -> None:
    document = newline.join(["---", "title: x", "", "a: b", "---", "", "# A", "", "a"])
    markdown = Markdown(document)

    assert markdown.heading(document.index("# A") - 1) == ""
    assert markdown.heading(len(document) - 1) == "A"
    assert markdown.borders()[0][-1] == document.index("# A")


def test_a_rule_is_no_front_matter() -> None:
    assert parse("---\n")[0].type == "hr"
    assert Markdown("a\n\n---\nb: c\n---\n").heading(99) == "b: c"


def test_windows_line_ends_are_one_line_end() -> None:
    check("# A\r\n\r\na|\r\n\r\n|b|\r\n\r\n|# C\r\n", BLOCKS)


def test_what_is_inside_a_paragraph_is_not_read() -> None:
    inline = parse("*a* [b](c)\n")[1]

    assert (inline.content, inline.children) == ("*a* [b](c)", [])


def test_inside_a_paragraph_are_lines_sentences_and_words() -> None:
    borders = Markdown("A b. C\nd").borders()

    assert set(borders[borders.whole]) == {0, 4, 5, 6, 7}
    assert set(borders[len(borders) - 1]) == {0, 1, 2, 4, 5, 6, 7}
