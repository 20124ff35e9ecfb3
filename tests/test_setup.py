"""Setting up: what goes wrong is said in one line, with the fix."""

import ast
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

REPO = Path(__file__).parents[1]
SETUP = REPO / ".ci" / "setup.py"


@pytest.fixture
def setup(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> ModuleType:
    """The script, with an empty folder for the repository."""
    spec = importlib.util.spec_from_file_location("ci_setup", SETUP)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "ROOT", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".venv").mkdir()
    (tmp_path / "requirements-book.txt").write_text("one==1")
    (tmp_path / "requirements-test.txt").write_text("one==1\ntwo==2")
    return module


def one_line(capsys: pytest.CaptureFixture[str]) -> str:
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    return said


def test_old_pythons_can_parse_it() -> None:
    """Nothing newer than Python 3.4; 2.7 takes the same text."""
    tree = ast.parse(SETUP.read_text(encoding="utf-8"), feature_version=(3, 4))
    assert not [n for n in ast.walk(tree) if isinstance(n, ast.JoinedStr)]


def test_an_old_python_says_what_is_needed(
    setup: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 9, 18))
    monkeypatch.setattr(setup, "works", lambda python: False)
    with pytest.raises(SystemExit):
        setup.hand_over()
    said = one_line(capsys)
    assert "3.11 or newer is needed" in said
    assert "only 3.9.18" in said


def test_an_old_python_hands_over_to_a_newer_one(
    setup: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Replaced(Exception):
        """Stands for the end of this program and the start of another."""

    def replace(python: str, argv: list[str]) -> None:
        raise Replaced(python)

    monkeypatch.setattr(sys, "version_info", (3, 9, 18))
    monkeypatch.setattr(setup, "works", lambda python: python == "python3.12")
    monkeypatch.setattr(setup.os, "execvp", replace)
    with pytest.raises(Replaced, match=r"^python3\.12$"):
        setup.hand_over()


def test_no_venv_module(
    setup: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(sys.modules, "ensurepip", None)
    with pytest.raises(SystemExit):
        setup.make_venv()
    assert "apt install python3." in one_line(capsys)


@pytest.mark.parametrize(
    ("pip", "fix"),
    [
        ("x\nNewConnectionError(...)\ny", "connect to the network"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES", "try again"),
        ("OSError: [Errno 28] No space left on device", "free some space"),
        ("something new", "see .venv/setup.log"),
    ],
)
def test_what_pip_says_becomes_one_line(
    setup: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    pip: str,
    fix: str,
) -> None:
    monkeypatch.setattr(setup, "run", lambda command: (True, pip))
    with pytest.raises(SystemExit):
        setup.install("requirements-book.txt")
    assert fix in one_line(capsys)
    assert Path(".venv/setup.log").read_text() == pip


def test_it_installs_when_the_lock_file_changes_and_only_then(
    setup: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    done: list[str] = []
    monkeypatch.setattr(setup, "works", lambda python: True)
    monkeypatch.setattr(setup, "make_venv", lambda: None)
    monkeypatch.setattr(setup, "install", done.append)

    def main(kind: str) -> list[str]:
        done.clear()
        monkeypatch.setattr(sys, "argv", ["setup.py", kind])
        setup.main()
        return list(done)

    assert main("book") == ["requirements-book.txt"]
    assert main("book") == []
    assert main("test") == ["requirements-test.txt"]
    capsys.readouterr()
    assert main("test") == main("book") == []
    assert capsys.readouterr().out == ""
    Path("requirements-book.txt").write_text("one==2")
    assert main("book") == ["requirements-book.txt"]
    monkeypatch.setattr(setup, "works", lambda python: False)
    assert main("book") == ["requirements-book.txt"]
