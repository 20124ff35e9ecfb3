"""The small server that shows the built book."""

import threading
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from book.serve import listen, main


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "index.html").write_text("the book")
    return tmp_path


def test_it_serves_pages_quietly(
    site: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with listen(0, site) as server:
        assert server.server_address[0] == "127.0.0.1"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            address = f"http://127.0.0.1:{server.server_port}"
            with urlopen(f"{address}/") as page:
                assert page.read() == b"the book"
            with pytest.raises(HTTPError, match="404"):
                urlopen(f"{address}/none.html")
        finally:
            server.shutdown()
            thread.join()
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("more", [[], ["--check"]])
def test_a_port_in_use_is_one_line_with_the_fix(
    site: Path, more: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with listen(0, site) as server:
        port = server.server_port
        assert main(["--port", str(port), "--site", str(site), *more]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"Port {port} is in use; try another: make ")
    assert said.err.count("\n") == 1


@pytest.mark.parametrize("text", ["70000", "-1", "here", "9" * 30])
@pytest.mark.parametrize("how", ["option", "environment"])
def test_no_such_port(
    text: str, how: str, site: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    words = ["--site", str(site)]
    if how == "option":
        words.append(f"--port={text}")
    else:
        monkeypatch.setenv("PORT", text)
    with pytest.raises(SystemExit) as left:
        main(words)
    said = capsys.readouterr()
    assert (left.value.code, said.out) == (2, "")
    assert f"'{text}' is no port; try one from" in said.err
    assert said.err.count("\n") == 1


def test_no_book_yet(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--port", "0", "--site", str(tmp_path)]) == 1
    assert "make site" in capsys.readouterr().err


def test_a_free_port_passes_the_check(tmp_path: Path) -> None:
    assert main(["--port", "0", "--site", str(tmp_path), "--check"]) == 0
