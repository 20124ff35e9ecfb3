"""Mistakes on the command line: one line each, no traceback, an exit code."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from kv import __main__ as kv
from kv.command_line import said
from kv.named import load_named
from kv.parts import load_parts
from kv.serve import options, parse
from kv.sim.run import Setup, run

ROOT = Path(__file__).parents[2]


def one_line(
    capsys: pytest.CaptureFixture[str], words: list[str], code: int
) -> str:
    """Runs a command that is to fail, and returns its one line."""
    came: object = None
    try:
        came = kv.main(words)
    except SystemExit as left:  # argparse leaves by itself
        came = left.code
    out, err = capsys.readouterr()
    assert (came, out) == (code, "")
    assert err.endswith("\n")
    assert err.count("\n") == 1
    return err


@pytest.fixture
def busy() -> Iterator[int]:
    """A port on which somebody else listens, who speaks HTTP."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            while True:
                try:
                    there, _ = server.accept()
                except OSError:
                    return
                with there:
                    there.recv(100)
                    there.sendall(b"HTTP/1.0 400 no\r\n\r\n")

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "binary").write_bytes(b"\xff\x00\xfe")
    (tmp_path / "words").write_text("nothing of the kind\n")
    (tmp_path / "folder").mkdir()
    return tmp_path


def test_a_command_that_there_is_not(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert "no command 'got'; there are serve" in one_line(
        capsys, ["got", "k"], 2
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("serve", "required: --data"),
        ("serve --data {0} --listen here", "'here' does not read host:port"),
        ("serve --data {0} --id 0", "'0' is no positive number"),
        ("serve --data {0} --peers 1", "does not read ID=host:port"),
        ("serve --data {0} --peers ²=x:1", "does not read ID=host:port"),
        ("serve --data {0} --password-file {0}/none", "none: No such file"),
        ("serve --data {0} --password-file {0}/binary", "binary is no text"),
        ("serve --data {0} --tls {0}/folder", "is to hold ca.pem, node.pem"),
        ("serve --data {0}/words", "words/lock: Not a directory"),
        ("serve --data {0} --parts ..a:b", "does not read MODULE:NAME"),
        ("serve --data {0} --parts no.such:b", "No module named 'no'"),
        ("cluster --nodes 0", "--nodes: '0' is no positive number"),
        ("cluster --nodes 101", "--nodes: at most 100"),
        ("cluster --port 65434", "--port: at most 65433"),
        ("cluster --data {0}/words", "there is a file of that name"),
        ("cluster --parts json:loads", "is a function, not a Parts"),
        ("get", "takes KEY"),
        ("get k --timeout nan", "'nan' is no duration"),
        ("transfer ²", "takes the ID of a node"),
        ("member ad 4 127.0.0.1:1", "takes add ID HOST:PORT | learner ID"),
        ("member add 4", "takes add ID HOST:PORT | learner ID"),
        ("member remove x", "'x' is no ID of a node"),
        ("member replace 1 4 here", "'here' does not read host:port"),
        ("bench --parts json:loads", "is a function, not a Parts"),
        ("sim --seconds 0", "'0' is no positive number"),
        ("sim --minutes -1", "'-1' is no positive number"),
        ("sim --seeds 5:1", "'5:1' does not read FIRST:BEHIND"),
        ("sim --replay {0}/none", "none: No such file"),
        ("sim --replay {0}/binary", "binary cannot be replayed"),
        ("sim --replay {0}/words", "words cannot be replayed"),
        ("sim --nemesis os:getcwd", "os:getcwd stopped: TypeError"),
        ("sim --history {0}/none/h", "none/h: No such file"),
        ("sim --out {0}/none/f", "none/f: there is no such folder"),
        ("chaos --replay {0}/words", "words cannot be carried out"),
        ("chaos --nemesis os:getcwd", "os:getcwd stopped: TypeError"),
        ("chaos --out {0}", "is not empty"),
    ],
)
def test_one_line(
    words: str, said: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = [word.format(folder) for word in words.split()]
    assert said in one_line(capsys, whole, 2)


def test_servers_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KV_SERVERS", "here")
    assert "$KV_SERVERS: 'here'" in one_line(capsys, ["get", "k"], 2)


def test_nobody_answers(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--servers", "127.0.0.1:1", "--timeout", "100ms"]
    for command in (["get", "k"], ["put", "k", "v"], ["transfer", "1"]):
        err = one_line(capsys, [*command, *words], 1)
        assert "nobody answers at 127.0.0.1:1: start the nodes" in err
        assert "Errno" not in err


def test_somebody_else_answers(
    busy: int, capsys: pytest.CaptureFixture[str]
) -> None:
    words = f"get k --servers 127.0.0.1:{busy} --timeout 100ms".split()
    assert "is no server of the store" in one_line(capsys, words, 1)


def test_a_port_in_use(
    busy: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--data", str(tmp_path)]
    err = one_line(
        capsys, ["serve", *words, "--listen", f"127.0.0.1:{busy}"], 2
    )
    assert f"127.0.0.1:{busy} is in use: another process" in err
    base = busy - 1 if busy < 60000 else busy - 101
    err = one_line(capsys, ["cluster", *words, "--port", str(base)], 2)
    # Node 2's, as a rule; but somebody may be on the one of node 1, too.
    assert " cannot be had for node " in err
    assert str(busy) in err or str(base) in err


def test_what_the_system_says() -> None:
    assert said(OSError(13, "Permission denied", "a/b")) == (
        "a/b: Permission denied"
    )
    assert said(OSError("of nobody's making")) == "of nobody's making"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("(", r"mine.py:1: SyntaxError: '\(' was never closed"),
        ("a = 1\nb = a.c", r"mine.py:2: AttributeError: 'int' object"),
        ("import nothing", r"mine.py:1: No module named 'nothing'"),
        (
            "from kv.parts import Parts\nPARTS = Parts(machin=int)",
            r"mine.py:2: TypeError: .* 'machin'",
        ),
        (
            "from kv.parts import Parts\nPARTS = Parts(machine=3)",
            r"mine:PARTS: machine is 3, and that cannot be called",
        ),
    ],
)
def test_parts_that_are_not_right_yet(
    text: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.py").write_text(text + "\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "mine", raising=False)
    with pytest.raises(ValueError, match=told):
        load_parts("mine:PARTS")
    sys.modules.pop("mine", None)


def test_a_loop_for_asynchronous_writes_says_that_it_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that does not would wait for the disk, and raft would not."""
    text = """
        from kv import drive
        from kv.parts import Parts
        PARTS = Parts(drive=drive.drive)
    """
    (tmp_path / "mine.py").write_text(dedent(text))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "mine", raising=False)
    words = ["--data", str(tmp_path / "1"), "--async-writes", "--parts"]
    with pytest.raises(ValueError, match="leave one of them out"):
        options(parse([*words, "mine:PARTS"]))
    with pytest.raises(ValueError, match="leave one of them out"):
        run(Setup(seconds=1, async_writes=True, parts="mine:PARTS"))
    assert options(parse([*words, "kv.sim.late:PARTS"])).async_writes
    sys.modules.pop("mine", None)


def test_a_name_that_is_none() -> None:
    for name in ("a", "a:", ":b", "a b:c", ".a:b", "a:b:c"):
        with pytest.raises(ValueError, match="does not read MODULE:NAME"):
            load_named(name)


def test_a_reader_that_has_gone() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "kv", "lincheck", "--generate", "-",
         "--operations", "2000"], cwd=ROOT, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        if process.stdout is not None and process.stderr is not None:
            process.stdout.readline()
            process.stdout.close()
            assert process.stderr.read() == b""
        assert process.wait() == kv.UNREAD


def interrupted(argv: list[str]) -> int:
    raise KeyboardInterrupt


def broken(argv: list[str]) -> int:
    raise BrokenPipeError("not of standard output")


def test_ctrl_c(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(kv.COMMANDS, "get", (f"{__name__}:interrupted", ""))
    assert kv.main(["get"]) == kv.INTERRUPTED
    assert capsys.readouterr() == ("", "")


def test_another_pipe_that_breaks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(kv.COMMANDS, "get", (f"{__name__}:broken", ""))
    with pytest.raises(BrokenPipeError):
        kv.main(["get"])


def test_another_python() -> None:
    """Without the project's packages it says which Python has them."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c",
         f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
         "from kv.__main__ import main; sys.exit(main(['get', 'k']))"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "own environment" in done.stderr
    assert "python -m kv get k" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_status_says_why_there_is_none(
    busy: int, capsys: pytest.CaptureFixture[str]
) -> None:
    servers = f"127.0.0.1:1,127.0.0.1:{busy}"
    words = ["status", "--servers", servers, "--timeout", "100ms"]
    assert kv.main(words) == 1
    first, second = capsys.readouterr().out.splitlines()[1:]
    assert first.split() == ["127.0.0.1:1", "down"]
    assert "is no server of the store" in second
    assert kv.main([*words, "--json"]) == 1
    assert capsys.readouterr().out.count(": null") == 2
