"""Which labs there are: each package `labs/labN_name` with a `LAB`."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from labs.runner.exercise import LABS, Exercise, Lab


class NoSuch(Exception):
    """No lab or exercise has that number; the text says which there are."""


@cache
def all_labs() -> tuple[Lab, ...]:
    """Returns the labs in order."""
    packages = sorted(
        path.parent.name for path in LABS.glob("lab[0-9]_*/__init__.py")
    )
    return tuple(import_module(f"labs.{name}").LAB for name in packages)


def all_exercises() -> list[Exercise]:
    """Returns the exercises of all labs in order."""
    return [e for lab in all_labs() for e in lab.exercises]


def find(text: str) -> list[Exercise]:
    """Returns the exercises that `N` or `N.M` names.

    Raises:
        NoSuch: there is none.
    """
    for lab in all_labs():
        if text == str(lab.number):
            return list(lab.exercises)
    found = [e for e in all_exercises() if e.id == text]
    if not found:
        there = ", ".join(
            f"{lab.exercises[0].id} to {lab.exercises[-1].id}"
            for lab in all_labs() if lab.exercises
        )  # fmt: skip
        raise NoSuch(f"There is no exercise {text}. There are {there}.")
    return found


def find_lab(text: str) -> Lab:
    """Returns the lab of `N` or `N.M`.

    Raises:
        NoSuch: there is none.
    """
    number = text.partition(".")[0]
    for lab in all_labs():
        if str(lab.number) == number:
            return lab
    numbers = ", ".join(str(lab.number) for lab in all_labs())
    raise NoSuch(f"There is no lab {text}. There are {numbers}.")
