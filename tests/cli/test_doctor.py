from __future__ import annotations

from pathlib import Path

from support.commands import UpClub, clubai


def test_a_sound_machine_is_ok(club: UpClub, tmp_path: Path) -> None:
    done = club.clubai("doctor", "--json", home=tmp_path)

    found = done.json()
    checks = {check["name"]: check for check in found["checks"]}
    assert found["ok"] is True
    assert set(checks["club"]) == {"name", "status", "detail", "fix"}
    assert checks["club"]["status"] == checks["key"]["status"] == "ok"
    assert "operator" in checks["key"]["detail"]


def test_a_failure_is_exit_code_one_with_its_fix(tmp_path: Path) -> None:
    done = clubai("doctor", "--url", "http://127.0.0.1:9", home=tmp_path)

    assert done.code == 1
    assert "fail  club" in done.out
    assert "fix: clubai up" in done.out


def test_a_failure_as_json_is_on_stdout(tmp_path: Path) -> None:
    (tmp_path / "clubai.toml").write_text("[agent]\nnmae = 1\n")

    done = clubai("doctor", "--json", home=tmp_path)

    assert (done.code, done.err) == (1, "")
    assert done.out.count("\n") == 1
    assert '"ok": false' in done.out
    assert "nmae" in done.out


def test_without_any_club_named_its_absence_is_no_failure(tmp_path: Path) -> None:
    done = clubai("doctor", "--json", home=tmp_path)

    assert done.code == 0
