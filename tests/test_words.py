"""What must not stand in any file that is kept, and how wide the port is."""

import re
import subprocess
from pathlib import Path

import pytest

REPO = Path(__file__).parents[1]
WIDTH = 80

# Everybody installs from where they like: no package registry is named. The
# dots are in brackets so that this file does not name one either.
REGISTRY = re.compile(
    r"pypi[.]org|pythonhosted[.]org|npmjs[.](?:org|com)|yarnpkg[.]com"
    r"|proxy[.]golang[.]org|crates[.]io|rubygems[.]org"
    r"|deb[.]debian[.]org|archive[.]ubuntu[.]com"
    r"|repo1?[.]maven[.]|unpkg[.]com|jsdelivr[.]net"
)
# Where somebody keeps files on their own machine means nothing on another.
# A path counts where a word, a variable or another path does not lead to it.
MACHINE_PATH = re.compile(
    r"(?<![\w.~})\]>*-])"
    r"(?:/(?:home|Users|root|work|mnt|media)/[\w.]|[A-Z]:\\Users\\)"
)


def kept_files() -> list[Path]:
    """Return the files that git keeps and that are there."""
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-z"], cwd=REPO, capture_output=True, check=True
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this is no git checkout, so no file is known to be kept")
    names = [REPO / name for name in listed.decode().split("\0") if name]
    return [path for path in names if path.is_file()]


def hits(pattern: re.Pattern[str]) -> list[str]:
    """Name each line of a kept text file in which the pattern is found."""
    found = []
    for path in kept_files():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # A picture or the like.
        found += [
            f"{path.relative_to(REPO)}:{number}: {match.group()}"
            for number, line in enumerate(text.splitlines(), 1)
            for match in pattern.finditer(line)
        ]
    return found


def test_no_package_registry_is_named() -> None:
    wrong = hits(REGISTRY)
    assert not wrong, "\n" + "\n".join(wrong)


def test_no_path_of_one_machine_is_named() -> None:
    wrong = hits(MACHINE_PATH)
    assert not wrong, "\n" + "\n".join(wrong)


def test_the_port_fits_beside_notes() -> None:
    """A word of over 40 letters excuses its line: Go has such file names."""
    wrong = [
        f"{path.relative_to(REPO)}:{number}: {len(line)} columns"
        for path in sorted((REPO / "port").rglob("*.py"))
        for number, line in enumerate(
            path.read_text(encoding="utf-8").splitlines(), 1
        )
        if len(line) > WIDTH and max(map(len, line.split())) <= 40
    ]
    assert not wrong, "\n" + "\n".join(wrong)


def test_the_books_packages_are_the_tests_too() -> None:
    """One environment serves both, whichever is set up first."""

    def pins(kind: str) -> set[str]:
        lock = (REPO / f"requirements-{kind}.txt").read_text()
        return set(re.findall(r"^([\w.-]+==\S+)", lock, re.MULTILINE))

    assert pins("book")
    assert pins("book") <= pins("test")


# What follows shows that the patterns find what they are for.


@pytest.mark.parametrize(
    "line",
    [
        "https://{}/simple".format(".".join(["pypi", "org"])),
        "--index-url https://{}".format(".".join(["registry.npmjs", "org"])),
    ],
)
def test_a_registry_is_found(line: str) -> None:
    assert REGISTRY.search(line)


@pytest.mark.parametrize("folder", ["home", "Users", "root", "work"])
@pytest.mark.parametrize("before", ["", " ", "'", "(", "file://", ":"])
def test_a_machine_path_is_found(folder: str, before: str) -> None:
    assert MACHINE_PATH.search(f"{before}/{folder}/ada/raft")


@pytest.mark.parametrize(
    "line",
    ["labs/work/wal.py", "./work/x", "~/work/x", "{}/work/x", "a /root b"],
)
def test_a_path_of_our_own_is_not(line: str) -> None:
    assert not MACHINE_PATH.search(line)
