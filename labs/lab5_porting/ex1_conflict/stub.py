"""5.1: where may two logs still agree?

Port log.go:182-194, findConflictByTerm. Its comment, above those lines, says
what it is for. Keep port/log.py shut until you are green: the port's own
body is in there.
"""

from port.log import RaftLog


def find_conflict_by_term(
    log: RaftLog, index: int, term: int
) -> tuple[int, int]:
    """Guesses where this log and another one part.

    Of the other log it is known that it has an entry at `index`, of `term`.
    `log.term(i)` is the term of our entry i; it raises `Compacted` or
    `Unavailable` of `port.errors` where there is none.

    Returns:
        The highest index up to `index` at which the two may agree, and our
        term there; term 0 where that is not known.
    """
    raise NotImplementedError("find_conflict_by_term.")
