"""The labs prove themselves: stubs red, references green, mutants dead.

What takes long is marked `slow` in its declaration and left to `make
labs-full`. The rest holds the texts together: brief, stub, checks and
reference use the same names, and each place in the book is there.
"""

from __future__ import annotations

import ast
import re
import tomllib
from importlib import import_module

import pytest

from labs.runner.catalogue import all_exercises, all_labs
from labs.runner.checking import Check
from labs.runner.exercise import PAGES, ROOT, Exercise
from labs.runner.proving import Proof, parse, prove

EXERCISES = all_exercises()
IDS = [e.id for e in EXERCISES]
every = pytest.mark.parametrize("exercise", EXERCISES, ids=IDS)


@pytest.fixture(scope="session")
def proofs() -> dict[str, list[Proof]]:
    """What came of all files of ours, in one go: imports are dear."""
    found: dict[str, list[Proof]] = {}
    for proof in prove(e for e in EXERCISES if not e.slow):
        found.setdefault(proof.exercise.id, []).append(proof)
    return found


@every
def test_stub_reference_and_mutants(
    exercise: Exercise, proofs: dict[str, list[Proof]]
) -> None:
    if exercise.slow:
        pytest.skip("make labs-full")
    wrong = [p.problem for p in proofs[exercise.id] if p.problem]
    assert not wrong, "\n\n".join(wrong)
    assert len(proofs[exercise.id]) == 2 + len(exercise.mutants)


@every
def test_enough_of_everything(exercise: Exercise) -> None:
    names = [m.name for m in exercise.mutants]
    assert len(names) >= 4
    assert len(set(names)) == len(names)
    assert len(exercise.hints) >= 3
    assert all(len(hint) > 40 for hint in exercise.hints)
    assert len(exercise.discussion) > 200
    assert 15 <= exercise.minutes <= 60
    assert exercise.reading
    assert len(exercise.title) <= 44
    assert exercise.id == f"{exercise.lab}.{exercise.id.partition('.')[2]}"


def defined(source: str) -> set[str]:
    """Returns what a Python file defines at its top, and `Class.method`."""
    found = set()
    for node in ast.parse(source).body:
        if isinstance(
            node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
        ):
            found.add(node.name)
        if isinstance(node, ast.Assign):
            found |= {t.id for t in node.targets if isinstance(t, ast.Name)}
        if isinstance(node, ast.AnnAssign) and isinstance(
            node.target, ast.Name
        ):
            found.add(node.target.id)
    return found


@every
def test_brief_stub_and_checks_agree_on_names(exercise: Exercise) -> None:
    lab = next(x for x in all_labs() if x.number == exercise.lab)
    brief = lab.brief.read_text("utf-8")
    part = re.split(rf"^## {re.escape(exercise.id)} ", brief, flags=re.M)
    assert len(part) == 2, f"the brief has no one heading {exercise.id}"
    part = re.split(r"^## ", part[1], maxsplit=1, flags=re.M)
    assert part[0].startswith(exercise.title), part[0][:60]
    checks = (exercise.folder / "checks.py").read_text("utf-8")
    for other in re.findall(r"^from (labs\.\S+\.checks) ", checks, re.M):
        # An exercise that goes on from another asks by way of its checks.
        path = ROOT / f"{other.replace('.', '/')}.py"
        checks += path.read_text("utf-8")
    named = r"(?:t\.(?:name|answer)\(|near\(t,)\s*\"(\w+)\""
    asked = set(re.findall(named, checks))
    # Checks that are made by the dozen say in ASKED what they ask for.
    asked |= set(getattr(import_module(exercise.checks), "ASKED", ()))
    assert asked == set(exercise.defines)
    assert f"labs/work/{exercise.file}" in part[0]
    assert f"{exercise.minutes} minutes" in part[0]
    for path in (exercise.stub_path, exercise.reference_path):
        source = path.read_text("utf-8")
        for name in exercise.defines:
            if path.suffix == ".py":
                assert name in defined(source), f"{path.name}: {name}"
            else:
                assert name in tomllib.loads(source), name
    for name in exercise.defines:
        assert f"`{name}" in part[0], f"the brief does not name {name}"


def anchors(page: str) -> set[str]:
    """Returns the places on a page of the book."""
    text = (PAGES / page).read_text("utf-8")
    found = {""}
    for title in re.findall(r"^#+ (.*)$", text, re.M):
        plain = re.sub(r"[^\w\s-]", "", title).strip().lower()
        found.add(re.sub(r"[-\s]+", "-", plain))
    for path, name in re.findall(r"^::: walk port/(\S+)\.py (\S+)", text, re.M):
        found.add(f"{path.replace('/', '.')}.{name}")
    return found


@every
def test_the_book_has_what_is_referred_to(exercise: Exercise) -> None:
    checks: list[Check] = import_module(exercise.checks).CHECKS
    places = [*exercise.reading, *(c.reading for c in checks)]
    for place in set(places):
        page, _, anchor = place.page.partition("#")
        assert (PAGES / page).is_file(), page
        assert anchor in anchors(page), place.page


@every
def test_every_check_is_listed(exercise: Exercise) -> None:
    """One that is written and not listed would never run."""
    module = import_module(exercise.checks)
    written = [c for c in vars(module).values() if isinstance(c, Check)]
    assert len(module.CHECKS) >= 3
    assert all(c in module.CHECKS for c in written)
    titles = [c.title for c in module.CHECKS]
    assert len(set(titles)) == len(titles)


@pytest.mark.parametrize("lab", all_labs(), ids=lambda lab: lab.page)
def test_a_lab_is_a_chapter(lab: object) -> None:
    """From the same text, not from a copy."""
    page = PAGES / lab.page  # type: ignore[attr-defined]
    brief = lab.brief  # type: ignore[attr-defined]
    assert f"::: brief {brief.parent.name}" in page.read_text("utf-8")
    text = brief.read_text("utf-8")
    for heading in ("Test your understanding", "Going further"):
        assert f"\n## {heading}\n" in text, heading
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize("wrong", ["--what", "9.9", "1.", "x"])
def test_what_there_is_not_cannot_be_proven(
    wrong: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        parse([wrong])
    assert end.value.code == 2
    assert wrong in capsys.readouterr().err


def test_the_command_line_of_proofs() -> None:
    assert parse(["--slow", "1", "2.3"]).wanted == ["1", "2.3"]
    assert parse([]).wanted == []
