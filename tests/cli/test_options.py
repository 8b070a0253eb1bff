from __future__ import annotations

import click
from click.testing import CliRunner

from clubai.cli.options import CONTEXT, club_options, examples, json_option


@click.command("thing", context_settings=CONTEXT, epilog=examples("thing --json", "b"))
@club_options
@json_option
def thing(url: str | None, api_key: str | None, as_json: bool) -> None:
    click.echo(f"{url} {api_key} {as_json}")


def test_help_shows_variables_and_keeps_the_lines_of_the_examples() -> None:
    output = CliRunner().invoke(thing, ["--help"]).output

    assert "CLUBAI_URL" in output
    assert "CLUBAI_API_KEY" in output
    assert "  thing --json\n" in output


def test_variables_are_read() -> None:
    env = {"CLUBAI_URL": "http://a", "CLUBAI_API_KEY": "k", "CLUBAI_JSON": "1"}

    assert CliRunner().invoke(thing, [], env=env).output == "http://a k False\n"
