"""The port prints what the real library printed, byte for byte."""

import io
import lzma
import tarfile
from pathlib import Path

import pytest

from port.rafttest.__main__ import main
from port.rafttest.datadriven import end_with_newline, parse, render
from port.rafttest.interaction_env import InteractionEnv
from tests.golden.recordings import (
    ARCHIVE,
    as_tar,
    collect,
    names,
    recorded,
)

SHARED = Path(__file__).parents[3] / "shared"
UPSTREAM_FOLDERS = ("testdata", "confchange/testdata", "quorum/testdata")


def check(text: str, name: str) -> None:
    """Plays a script; holds what is printed against what the script says."""
    env = InteractionEnv()
    outputs = []
    for d in parse(text, name):
        outputs.append(end_with_newline(env.handle(d)))
        # By directive first: the whole text makes no legible difference.
        assert outputs[-1] == d.expected, d.place
    rendered = render(text, name, outputs)
    assert rendered.rstrip("\n") == text.rstrip("\n")


@pytest.mark.parametrize("name", names("golden") + names("corners"))
def test_recording(name: str) -> None:
    check(recorded()[name], name)


@pytest.mark.upstream
@pytest.mark.parametrize("name", [Path(n).stem for n in names("traces")])
def test_interaction(name: str, upstream: Path) -> None:
    script = upstream / "testdata" / f"{name}.txt"
    check(script.read_text(encoding="utf-8"), script.name)


@pytest.mark.upstream
def test_upstreams_own_scripts(
    upstream: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = [str(upstream / folder) for folder in UPSTREAM_FOLDERS]
    status = main(["check", *folders])
    printed = capsys.readouterr().out
    assert printed.splitlines()[-1] == "41 passed, 0 failed", printed
    assert status == 0


def test_all_recordings_are_there() -> None:
    assert len(names("golden")) == 96
    assert len(names("corners")) == 5
    assert len(names("traces")) == 28


def test_archive_can_be_made_again() -> None:
    # Not the compressed bytes: those are the compressor's own affair.
    files = {name: text.encode() for name, text in recorded().items()}
    tar = lzma.decompress(ARCHIVE.read_bytes())
    assert as_tar(files) == tar
    with tarfile.open(fileobj=io.BytesIO(tar)) as opened:
        assert {member.mtime for member in opened} == {0}


def test_archive_holds_the_recordings_unchanged() -> None:
    files = collect(SHARED)
    if not files:
        pytest.skip(f"the recordings themselves are not in {SHARED}")
    assert files == {n: text.encode() for n, text in recorded().items()}
