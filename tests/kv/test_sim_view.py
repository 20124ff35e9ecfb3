"""What is shown of a long run, and that looking changes nothing."""

from __future__ import annotations

import pytest

from kv.sim import view as views
from kv.sim.run import Setup, run
from kv.sim.view import LINE, Moment, View, text

MOMENT = Moment(612.4, 1800.0, 13512, 212, 54)


class Hands:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_line_says_how_far_how_fast_and_how_long_yet() -> None:
    assert text(MOMENT, 20.0) == (
        "612 of 1,800 s, 31 times as fast | 13,512 operations, 212 faults,"
        " 54 elections | 39 s to go"
    )


def test_after_the_faults_there_is_no_time_to_go() -> None:
    line = text(MOMENT._replace(virtual=1803.0), 60.0)
    assert line.startswith("1,803 s, all is healed, 30 times as fast | ")
    assert "to go" not in line


def test_without_a_terminal_there_is_a_line_now_and_then(
    capsys: pytest.CaptureFixture[str],
) -> None:
    clock = Hands()
    view = View(live=False, clock=clock)
    assert not view.due()
    clock.now += LINE
    assert view.due()
    view.show(MOMENT)
    assert not view.due()
    view.end()
    assert capsys.readouterr().out == text(MOMENT, LINE) + "\n"


def test_on_a_terminal_one_line_is_rewritten_and_taken_away(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    clock = Hands()
    view = View(live=True, clock=clock)
    clock.now += 20
    view.show(MOMENT)
    view.show(Moment(1.0, 2.0, 3, 4, 5))
    first, second = capsys.readouterr().out.split("\r")[:2]
    assert len(first) == 59  # It must not wrap.
    assert len(second) == len(first)  # Nothing of the first is left.
    view.end()
    assert capsys.readouterr().out.strip() == ""


def test_a_run_in_view_is_the_same_run(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "LINE", 0.0)
    setup = Setup(seed=3, seconds=4.0)
    seen = run(setup, view=View(live=False))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) > 3
    assert any("of 4 s" in line for line in lines)
    operations = [int(x.split("| ")[1].split()[0]) for x in lines]
    assert operations == sorted(operations)
    assert 0 < operations[-1] <= seen.operations.total()
    assert run(setup).trace == seen.trace
    assert capsys.readouterr().out == ""
