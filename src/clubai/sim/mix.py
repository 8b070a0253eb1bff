"""Reads who is in the club from a TOML text.

```toml
[population.honest]
share = 0.9

[population.sloppy]
like = "part_time"   # begin with the numbers of a known population
share = 0.1
bad = 0.4
```
"""

from __future__ import annotations

import tomllib
from typing import Any, Final

import msgspec

from clubai.errors import ConfigError
from clubai.sim.populations import PRESETS, Population

_SUM_TOLERANCE: Final = 1e-6


def read_mix(text: str) -> dict[str, Population]:
    """The populations in the order of the text.

    A population with a known name begins with the numbers of that one. Raises
    `ConfigError`, which names the field, its value and the fix.
    """
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError("mix", str(error), "write valid TOML") from error
    unknown = next((key for key in tables if key != "population"), None)
    if unknown is not None:
        fix = "write tables [population.NAME] only"
        raise ConfigError(unknown, tables[unknown], fix)
    named = tables.get("population")
    if not isinstance(named, dict) or not named:
        raise ConfigError(
            "population", named, "write at least one table [population.NAME]"
        )
    mix = {name: _population(name, fields) for name, fields in named.items()}
    total = sum(one.share for one in mix.values())
    if abs(total - 1) > _SUM_TOLERANCE:
        fix = "let the shares of all populations sum to 1"
        raise ConfigError("share", round(total, 6), fix)
    return mix


def _population(name: str, fields: object) -> Population:
    where = f"population.{name}"
    if not isinstance(fields, dict):
        raise ConfigError(where, fields, f"write it as a table [{where}]")
    given = dict(fields)
    base = _base(where, name, given)
    known = Population.__struct_fields__
    for field in given:
        if field not in known:
            fix = f"use one of {', '.join(('like', *known))}"
            raise ConfigError(f"{where}.{field}", given[field], fix)
    if "share" not in given:
        raise ConfigError(f"{where}.share", None, "say its share of the nodes, 0 to 1")
    for field, value in given.items():
        _check(where, field, value)
    return msgspec.convert({**base, **given}, Population)


def _base(where: str, name: str, given: dict[str, Any]) -> dict[str, Any]:
    like = given.pop("like", name if name in PRESETS else None)
    if like is None:
        return {}
    if not isinstance(like, str) or like not in PRESETS:
        raise ConfigError(f"{where}.like", like, f"use one of {', '.join(PRESETS)}")
    return msgspec.structs.asdict(PRESETS[like])


def _check(where: str, field: str, value: object) -> None:
    sample = {"share": 0.0, field: value}
    try:
        msgspec.convert(sample, Population)
    except msgspec.ValidationError as error:
        fix = str(error).partition(" - at ")[0]
        raise ConfigError(f"{where}.{field}", value, fix) from error
