"""The page at `/`: plain HTML, no build, nothing that needs an account."""

from __future__ import annotations

from html import escape
from typing import Final

from starlette.responses import HTMLResponse

from clubai.coordinator.coordinator import Coordinator

_PAGE: Final = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>{name} - ClubAI</title>
<style>body{{font:16px/1.5 system-ui;max-width:40em;margin:3em auto;padding:0 1em}}
td{{padding:0 2em 0 0}}</style>
<h1>{name}</h1>
<p>This is the coordinator of a ClubAI club. Members ask it at <code>/v1</code> with any
OpenAI client and their API key. In this mode the coordinator and the node that answers
can read what is asked.</p>
<table><tr><td>Nodes<td>{nodes}<tr><td>Slots<td>{used} of {slots} in use
<tr><td>Requests answered<td>{done}<tr><td>Waiting<td>{queued}</table>
<p><a href="/openapi.json">API description</a> - <a href="/health">health</a></p></html>
"""


def page(coordinator: Coordinator) -> HTMLResponse:
    """The page as it is now."""
    stats = coordinator.feed.stats()
    html = _PAGE.format(
        name=escape(coordinator.config.name),
        nodes=stats.nodes_alive,
        used=stats.slots_used,
        slots=stats.slots,
        done=stats.tasks_done,
        queued=stats.tasks_queued,
    )
    return HTMLResponse(
        html,
        headers={
            "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'"
        },
    )
