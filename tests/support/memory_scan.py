"""Looks for bytes in the memory of another process, and in the files of a directory."""

from __future__ import annotations

import base64
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

PIECE: Final = 4 << 20
_NOT_MEMORY: Final = ("[vvar]", "[vsyscall]", "[vvar_vclock]")


def forms_of(text: str) -> dict[str, bytes]:
    """How a program may hold an ASCII text: plain, wide, escaped as hex or base64."""
    raw = text.encode("ascii")
    forms = {
        "plain": raw,
        "two bytes a character": text.encode("utf-16-le"),
        "four bytes a character": text.encode("utf-32-le"),
        "hex": raw.hex().encode("ascii"),
    }
    for skip in range(3):  # whatever stands before it shifts the groups of three bytes
        inner = raw[skip : skip + (len(raw) - skip) // 3 * 3]
        forms[f"base64, {skip}"] = base64.b64encode(inner)
    return forms


def why_unreadable(pid: int) -> str:
    """Why the memory of `pid` cannot be read here; empty when it can."""
    try:
        with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
            start, _ = next(_ranges(pid))
            memory.seek(start)
            memory.read(16)
    except (OSError, StopIteration) as error:
        return f"/proc/PID/mem cannot be read here: {error!r}"
    return ""


def in_memory(pid: int, text: str) -> dict[str, int]:
    """How often each form of `text` is in the memory of `pid`; those that are not left
    out.

    The process goes on meanwhile: what it moves about may be missed or counted twice.
    """
    found: dict[str, int] = {}
    for _, count, form in _hits(pid, forms_of(text)):
        found[form] = found.get(form, 0) + count
    return found


def in_files(directory: Path, text: str) -> list[str]:
    """The files below `directory` in which a form of `text` is, by their names too."""
    forms = forms_of(text).values()
    found = []
    for path in sorted(directory.rglob("*")):
        held = os.fsencode(path)
        if path.is_file() and not path.is_symlink():
            held += path.read_bytes()
        if any(form in held for form in forms):
            found.append(str(path.relative_to(directory)))
    return found


def _hits(pid: int, forms: dict[str, bytes]) -> Iterator[tuple[int, int, str]]:
    longest = max(map(len, forms.values()))
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for start, end in _ranges(pid):
            for at in range(start, end, PIECE):
                size = min(PIECE + longest - 1, end - at)
                try:
                    memory.seek(at)
                    piece = memory.read(size)
                except (OSError, ValueError, OverflowError):
                    continue  # unmapped meanwhile, or the kernel's own
                for form, wanted in forms.items():
                    count = piece.count(wanted)
                    if count:
                        yield at, count, form


def _ranges(pid: int) -> Iterator[tuple[int, int]]:
    with open(f"/proc/{pid}/maps") as maps:
        lines = maps.read().splitlines()
    for line in lines:
        place, rights, *_ = line.split()
        if "r" in rights and not line.endswith(_NOT_MEMORY):
            start, end = (int(number, 16) for number in place.split("-"))
            yield start, end


WIPING: Final = {
    "PYTHONMALLOC": "malloc",
    "GLIBC_TUNABLES": "glibc.malloc.perturb=165:glibc.malloc.tcache_count=0",
}
"""An environment in which what a program frees is overwritten at once, with glibc.

Else a freed text may be found in memory until something else takes its place, which
says nothing about whether the program still has it.
"""

_CONTROL: Final = """
import sys
mark = "".join(sys.argv[1:])
texts = [f"{mark}{number}" for number in range(100)]
held = [(mark * 3000).encode(), texts.pop()]
print("held", flush=True)
sys.stdin.readline()
del texts, held[0], mark
print("freed", flush=True)
sys.stdin.readline()
"""


def control(env: dict[str, str]) -> tuple[int, int]:
    """How often a text is in the memory of a program, before and after it lets go of
    all but one copy; it runs in `env`.
    """
    # In two pieces, so that the program's arguments do not hold it.
    mark = ("control-", secrets.token_hex(16))
    with subprocess.Popen(
        [sys.executable, "-c", _CONTROL, *mark],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **env},
    ) as popen:
        assert popen.stdin
        assert popen.stdout
        counts = []
        for said in ("held\n", "freed\n"):
            assert popen.stdout.readline() == said
            counts.append(in_memory(popen.pid, "".join(mark)).get("plain", 0))
            popen.stdin.write("\n")
            popen.stdin.flush()
        popen.communicate(timeout=20)
    return counts[0], counts[1]
