from __future__ import annotations

from pathlib import Path

import pytest

from clubai.cli.local_zone import local_zone


@pytest.mark.parametrize(
    ("tz", "link", "name", "expected"),
    [
        ("Asia/Tokyo", "Europe/Berlin", "Europe/Paris", "Asia/Tokyo"),
        (":Asia/Tokyo", "", "", "Asia/Tokyo"),
        ("", "Europe/Berlin", "Europe/Paris", "Europe/Berlin"),
        ("CET-1CEST", "Etc/UTC", "", "Etc/UTC"),
        ("", "", "Europe/Paris\n", "Europe/Paris"),
        ("", "Mars/Olympus", "nowhere", "UTC"),
        ("", "", "", "UTC"),
    ],
)
def test_the_zone_is_the_first_that_is_known(
    tz: str, link: str, name: str, expected: str, tmp_path: Path
) -> None:
    localtime, timezone = tmp_path / "localtime", tmp_path / "timezone"
    if link:
        localtime.symlink_to(f"/usr/share/zoneinfo/{link}")
    if name:
        timezone.write_text(name)

    found = local_zone({"TZ": tz} if tz else {}, link=localtime, name=timezone)

    assert found == expected
