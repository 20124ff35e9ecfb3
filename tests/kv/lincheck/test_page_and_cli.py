"""The command and its page."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from kv.__main__ import main as kv
from kv.lincheck.cli import disagreement, main
from kv.lincheck.history import Operation
from kv.lincheck.page import LIMIT, tokens


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    paths = {}
    for name, extra in (
        ("good", []),
        ("bad", ["--damaged"]),
        ("hard", ["--values", "3", "--operations", "3000"]),
    ):
        paths[name] = str(tmp_path / name)
        made = ["--generate", paths[name], "--operations", "200", *extra]
        assert main(made) == 0
    paths["broken"] = str(tmp_path / "broken")
    Path(paths["broken"]).write_text('{"time": 1}\n')
    return paths


def test_exit_codes(files: dict[str, str], capsys) -> None:
    good, bad, hard = files["good"], files["bad"], files["hard"]
    assert main([good]) == 0
    assert main([bad]) == 1
    assert main([files["broken"]]) == 2
    assert main([good + "-missing"]) == 2
    assert main([hard, "--budget", "1"]) == 3
    assert main([good, hard, "--budget", "1"]) == 3
    assert main([hard, bad, "--budget", "1"]) == 1
    assert main([bad, files["broken"]]) == 2
    assert main([good, "--model", "nonsense"]) == 2
    out, err = capsys.readouterr()
    assert f"{good}: linearizable, 200 operations on 1 key (blocks)" in out
    assert f"{bad}: not linearizable" in out
    assert f"{files['broken']}:1: " in err


def test_one_line_a_file(files: dict[str, str], capsys) -> None:
    main([files["good"], files["bad"], "--quiet"])
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_kv_knows_the_command(files: dict[str, str], capsys) -> None:
    assert kv(["lincheck", files["good"]]) == 0
    assert kv(["nonsense"]) == 2
    assert kv(["--help"]) == 0
    assert "lincheck" in capsys.readouterr().out


def test_generated_to_standard_output(capsys) -> None:
    assert main(["--generate", "-", "--operations", "5", "--seed", "9"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert {json.loads(line)["type"] for line in lines} == {"invoke", "ok"}


def hopeful(operations: list[Operation]) -> bool:
    """Somebody's first attempt: everything is fine."""
    return True


def test_with_shows_a_small_disagreement(
    files: dict[str, str], capsys
) -> None:
    name = "tests.kv.lincheck.test_page_and_cli:hopeful"
    assert main([files["good"], "--with", name]) == 0
    assert f"{name} agrees" in capsys.readouterr().out
    assert main([files["bad"], "--with", name]) == 1
    out = capsys.readouterr().out
    assert "DISAGREES: it says linearizable of" in out
    # One read of a value that nobody in the small history wrote.
    assert out.count("client") == 1
    assert main([files["good"], "--with", "nowhere"]) == 2


def test_with_survives_a_check_that_fails() -> None:
    def crash(operations: list[Operation]) -> bool:
        return operations[99].must

    ops = [
        Operation(i, "0", "put", "k", i, None, 2 * i, 2 * i + 1)
        for i in range(5)
    ]
    assert disagreement(ops, crash) == []


def page(path: str, tmp_path: Path) -> tuple[str, dict]:
    out = tmp_path / "page.html"
    main([path, "--html", str(out)])
    text = out.read_text()
    data = re.search(r'id="data">(.*?)</script>', text, re.S)
    assert data is not None
    return text, json.loads(data[1])


def test_a_page_stands_alone(files: dict[str, str], tmp_path: Path) -> None:
    text, data = page(files["good"], tmp_path)
    assert not re.search(r'(src|href)="', text)
    assert "://" not in text.replace("http://www.w3.org/2000/svg", "")
    assert tokens() in text
    assert "<h1>Linearizable</h1>" in text
    assert len(data["ops"]) == 200
    assert all(op["c"] <= op["t"] <= op["r"] for op in data["ops"])


def test_a_page_tells_the_conflict_first(
    files: dict[str, str], tmp_path: Path
) -> None:
    text, data = page(files["bad"], tmp_path)
    assert text.index("Not linearizable</h1>") < text.index('id="view"')
    clash = [op for op in data["ops"] if op["role"] == "conflict"]
    assert 1 <= len(clash) <= 6
    assert f"#{clash[0]['i']}" in text.split("</h1>")[1].split("<figure>")[0]


def test_a_page_of_a_large_history_is_capped(tmp_path: Path) -> None:
    path = str(tmp_path / "large")
    made = ["--operations", "5000", "--damaged", "--keys", "3"]
    assert main(["--generate", path, *made]) == 0
    text, data = page(path, tmp_path)
    assert len(data["ops"]) == LIMIT
    assert sum(data["bins"]) == 5000
    assert f"{LIMIT:,} of 5,000 operations are drawn" in text
    assert any(op["role"] == "conflict" for op in data["ops"])


def test_everything_in_a_page_is_escaped(tmp_path: Path) -> None:
    evil = '</script><img src=x onerror="alert(1)">&'
    lines = [
        {"type": "fault", "time": 0, "f": evil, "value": evil, "until": 9},
        {"time": 1, "process": evil, "type": "invoke", "f": "put"},
        {"time": 2, "process": evil, "type": "ok", "f": "put"},
        {"time": 3, "process": evil, "type": "invoke", "f": "get"},
        {"time": 4, "process": evil, "type": "ok", "f": "get"},
    ]
    for line in lines[1:]:
        line |= {"key": evil, "value": evil + str(line["time"] > 3)}
    path = tmp_path / "evil.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)))
    text, data = page(str(path), tmp_path)
    assert "<img" not in text
    assert text.count("</script>") == 2
    assert data["faults"][0]["text"] == evil


def one_line(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """Has the command complain, and return what it complains of."""
    try:
        came: object = main(words)
    except SystemExit as left:  # argparse leaves by itself
        came = left.code
    err = capsys.readouterr().err
    assert (came, err.count("\n")) == (2, 1)
    return err


def test_each_mistake_is_told_in_one_line(
    files: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = files["good"]
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    for said, *words in (
        ("name a file, or --generate one (see --help)",),
        ("'0' is no positive number", good, "--budget", "0"),
        ("'2' is not between 0 and 1", "--generate", "-", "--unknown", "2"),
        ("is not between 0 and 1", "--generate", "-", "--unknown", "nan"),
        ("'-1' is no positive", "--generate", "-", "--operations", "-1"),
        ("--values begins at 0", "--generate", "-", "--values", "-5"),
        ("binary: this is no text in UTF-8", str(tmp_path / "binary")),
        ("os:path is no model: it has no 'functions'",
         good, "--model", "os:path"),
        ("no model '..a:b': TypeError", good, "--model", "..a:b"),
        ("no check '..a:b': TypeError", good, "--with", "..a:b"),
        ("os:sep is a str, and cannot be called", good, "--with", "os:sep"),
        ("would write over the history", good, "--html", good),
        ("it is to be a folder", good, good, "--html", files["bad"]),
        ("/none/page.html: No such file", good, "--quiet", "--html",
         str(tmp_path / "none/page.html")),
    ):  # fmt: skip
        assert said in one_line(capsys, *words)
    assert main([good]) == 0  # It is as it was.


def test_nothing_to_judge_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").touch()
    assert main([str(tmp_path / "empty")]) == 0
    assert "there was nothing to judge" in capsys.readouterr().out
