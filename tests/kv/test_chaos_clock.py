"""The clock that runs as a file says."""

import asyncio
from pathlib import Path

import pytest

from kv.skew import LOOK, Setting, SkewedClock, read_setting, write_setting


class Times:
    """Real time, as a test would have it."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def pass_(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def real() -> Times:
    return Times()


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "clock")


@pytest.fixture
def clock(real: Times, path: str) -> SkewedClock:
    return SkewedClock(path, real, real)


def tell(clock: SkewedClock, real: Times, path: str, **said: float) -> float:
    """Have the clock run so, and let it see that; return what it shows."""
    write_setting(path, Setting(**said))
    real.pass_(2 * LOOK)
    return clock.time()


def test_it_is_right_unless_told_otherwise(
    clock: SkewedClock, real: Times
) -> None:
    for _ in range(3):
        assert clock.time() == real.now
        assert clock.wall() == real.now
        real.pass_(1.5)


@pytest.mark.parametrize("rate", [0.2, 1.0, 5.0])
def test_a_rate(
    clock: SkewedClock, real: Times, path: str, rate: float
) -> None:
    begin = tell(clock, real, path, rate=rate)
    real.pass_(2.0)
    assert clock.time() == pytest.approx(begin + 2.0 * rate)
    # Right again, it goes on from where it is.
    again = tell(clock, real, path)
    real.pass_(1.0)
    assert clock.time() == pytest.approx(again + 1.0)


def test_a_jump_happens_once(
    clock: SkewedClock, real: Times, path: str
) -> None:
    before = clock.time()
    after = tell(clock, real, path, ahead=3.0)
    assert after == pytest.approx(before + 3.0 + 2 * LOOK)
    real.pass_(1.0)
    assert clock.time() == pytest.approx(after + 1.0)
    assert clock.wall() == pytest.approx(real.now + 3.0)


def test_put_back_only_the_date_goes_back(
    clock: SkewedClock, real: Times, path: str
) -> None:
    first = tell(clock, real, path, ahead=3.0)
    second = tell(clock, real, path, ahead=1.0)
    assert second == pytest.approx(first + 2 * LOOK)
    assert clock.wall() == pytest.approx(real.now + 1.0)
    # From there it may jump ahead again.
    third = tell(clock, real, path, ahead=1.5)
    assert third == pytest.approx(second + 0.5 + 2 * LOOK)
    assert clock.wall() == pytest.approx(real.now + 1.5)


def test_a_file_that_goes_makes_it_right_again(
    clock: SkewedClock, real: Times, path: str
) -> None:
    tell(clock, real, path, rate=5.0)
    Path(path).unlink()
    real.pass_(2 * LOOK)
    clock.time()
    assert clock.rate == 1.0


@pytest.mark.parametrize(
    "text",
    ["", "[]", '{"rate": 0}', '{"rate": "2"}', '{"speed": 2}',
     '{"ahead": null}', '{"rate": 1e9}'],
)  # fmt: skip
def test_nonsense_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        read_setting(text)


def test_nonsense_in_the_file_changes_nothing(
    clock: SkewedClock, real: Times, path: str
) -> None:
    tell(clock, real, path, rate=5.0)
    Path(path).write_text("{")
    real.pass_(2 * LOOK)
    clock.time()
    assert clock.rate == 5.0


def test_sleeps_and_timeouts_go_by_it(path: str) -> None:
    """A fast clock's second is over long before a right one's."""

    async def go() -> None:
        write_setting(path, Setting(rate=50.0))
        clock = SkewedClock(path)
        begin = clock.time()
        async with asyncio.timeout(5):
            await clock.sleep(10.0)
        assert clock.time() - begin >= 10.0
        with pytest.raises(TimeoutError):
            async with clock.timeout(10.0):
                await asyncio.sleep(5.0)
        # One that is slowed down while it waits waits longer.
        async with clock.timeout(20.0):
            write_setting(path, Setting(rate=0.01))
            await asyncio.sleep(0.5)
        async with clock.timeout(None):
            await asyncio.sleep(0)

    asyncio.run(go())
