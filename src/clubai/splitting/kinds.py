"""Whether a document is prose, Markdown or code: by its name, else by its content."""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import Final, Literal

DocumentKind = Literal["text", "markdown", "code"]
"""How a document is built, which says where it may be cut."""

LOOKED_AT: Final = 20_000
"""Characters at the beginning of a document that tell its kind."""
CODE_SHARE: Final = 0.2
"""Of the lines with text, the share that looks like code if it is."""
INDENTED_CODE_SHARE: Final = 0.1
"""The same, where at least half of the lines are indented."""

_SUFFIXES: Final[dict[DocumentKind, str]] = {
    "markdown": "markdown md mdown mdx mkd qmd rmd",
    "text": "csv eml log rst srt tex tsv txt vtt",
    "code": (
        "astro bash bat c cc cfg clj cljs cmake conf cpp cs css cxx dart el erl ex exs "
        "f90 fish fs fsx gd go gradle graphql groovy h hcl hh hpp hrl hs html hxx ini "
        "ipynb java jl js json json5 jsonc jsonl jsx kt kts less lisp lua m make mjs "
        "ml mli mm ndjson nim nix php pl pm proto ps1 py pyi pyx r rb rkt rs s sass "
        "scala scm scss sh sol sql svelte swift sv tcl tf toml ts tsx v vb vhd vim vue "
        "xml xsd yaml yml zig zsh"
    ),
}
_BY_SUFFIX: Final[dict[str, DocumentKind]] = {
    suffix: kind for kind, names in _SUFFIXES.items() for suffix in names.split()
}
_BY_NAME: Final[dict[str, DocumentKind]] = {
    "cmakelists.txt": "code",
    "dockerfile": "code",
    "makefile": "code",
    "readme": "markdown",
}

_FENCE: Final = re.compile(r"^ {0,3}(?:```|~~~)", re.MULTILINE)
_LOWER_HEADING: Final = re.compile(r"^##+ \S", re.MULTILINE)
_MARKUP: Final = re.compile(
    r"^(?: {0,3}#{1,6} +\S|={3,}[ \t]*$|[-*] \[[ x]\] |\|(?: ?:?-+:? ?\|)+)"
    r"|\]\([^()\s]+\)|(?<!\*)\*\*[^*\s]",
    re.MULTILINE,
)
_CODE: Final = re.compile(
    r".*[;{}\[]$|[)}\]]+[,;]?$|<[/!?a-zA-Z][^>]*>|@\w+|.*(?:\)|else|try):$|.*=>$"
    r"|(?:from [\w.]+ )?import [\w{*.\"']|#(?:include|define|ifdef|pragma)\b"
    r"|(?:async |export |public |private |static |pub )*"
    r"(?:def|class|func|fn|function|struct|enum|impl|namespace|package|use|let|const"
    r"|var|return|module) ?[\w({'\"$].*[^.!?]$"
    r"|\"[^\"]*\": |[\w.\[\]]+ (?:=|:=|\+=) \S|\w+=\S|(?://|--|/\*|\*/|# ?)"
    r"|(?:if|while|for|case) .*[\])](?: \{)?$|(?:fi|done|esac|end|else|then|do)$"
    r"|(?:echo|exit|export|raise|return|yield|assert) \S*$"
)


def kind_of(name: str, text: str) -> DocumentKind:
    """The kind of a document with this name (empty: none) and this content."""
    path = PurePath(name.lower())
    known = _BY_NAME.get(path.name) or _BY_SUFFIX.get(path.suffix.removeprefix("."))
    return known or _kind_of_content(text[:LOOKED_AT])


def _kind_of_content(text: str) -> DocumentKind:
    if text.startswith("#!"):
        return "code"
    if _FENCE.search(text) or len(_LOWER_HEADING.findall(text)) > 1:
        return "markdown"
    lines = [line for line in text.splitlines() if line.strip()]
    stripped = [line.strip() for line in lines]
    headings = sum(line.startswith("#") for line in stripped)
    code = sum(_CODE.match(line) is not None for line in stripped) - headings
    indented = sum(line[0].isspace() for line in lines)
    needed = INDENTED_CODE_SHARE if 2 * indented >= len(lines) else CODE_SHARE
    if lines and code >= needed * len(lines):
        return "code"
    return "markdown" if _MARKUP.search(text) else "text"
