from __future__ import annotations

import pytest
from textual.color import Color
from textual.theme import BUILTIN_THEMES, Theme

from clubai.errors import ConfigError
from clubai.tui.app import Dashboard
from clubai.tui.themes import THEMES, check_theme
from support.dashboard import Scripted, shown, text_of

TONES = ("text-success", "text-warning", "text-error", "text-muted", "text-accent")


def contrast(text: Color, ground: Color) -> float:
    """Of WCAG 2: from 1 to 21."""
    light, dark = sorted((luminance(text), luminance(ground)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(color: Color) -> float:
    parts = [
        value / 12.92 if value <= 0.03928 else ((value + 0.055) / 1.055) ** 2.4
        for value in color.normalized
    ]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def tone_on(ground: Color, colour: str) -> Color:
    if colour.startswith("auto"):
        share = float(colour.removeprefix("auto").strip(" %") or 100) / 100
        return ground.get_contrast_text(share)
    return Color.parse(colour)


@pytest.mark.parametrize("theme", THEMES, ids=[theme.name for theme in THEMES])
@pytest.mark.parametrize("tone", TONES)
def test_tones_can_be_read(theme: Theme, tone: str) -> None:
    colours = theme.to_color_system().generate()

    for ground in ("background", "surface", "panel"):
        behind = Color.parse(colours[ground])
        text = tone_on(behind, colours[tone])
        assert contrast((behind + text), behind) >= 4.5, (ground, colours[tone])


def test_an_unknown_theme_is_refused_and_the_others_are_named() -> None:
    assert check_theme("nord", BUILTIN_THEMES) == "nord"
    with pytest.raises(ConfigError, match=r"club-dark, club-light.*nord"):
        Dashboard(Scripted([]), theme="pink")


def test_the_environment_names_a_theme(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Dashboard(Scripted([])).theme == "club-dark"
    monkeypatch.setenv("TEXTUAL_THEME", "nord")
    assert Dashboard(Scripted([])).theme == "nord"
    assert Dashboard(Scripted([]), theme="club-light").theme == "club-light"


@pytest.mark.parametrize(
    "theme", ["ansi-dark", "ansi-light", "textual-light", "club-light"]
)
async def test_the_words_are_the_same_in_each_theme(theme: str) -> None:
    async with shown(keys=["2"], theme=theme) as (board, _):
        text = text_of(board)

        assert all(word in text for word in ("connected", "suspect", "lost", "out"))
