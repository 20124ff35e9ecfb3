"""The labs' runner: what an exercise is, how it is checked, what is said.

    exercise.py   what an exercise declares: the form that all labs share
    catalogue.py  which labs there are
    checking.py   what checks are written with
    child.py      runs the checks of one exercise, in a process of its own
    running.py    starts that process, bounds its time, cleans up behind it
    telling.py    says in words what came of it
    workspace.py  labs/work: the learner's files, backups, progress
    commands.py   `python -m labs ...`
    grading.py    the report for a class
    proving.py    stubs fail, references pass, mutants are killed

A lab is a package `labs/labN_name` with a `BRIEF.md` and one package for each
exercise, which holds the declaration, `stub.py`, `reference.py`, `checks.py`.
"""
