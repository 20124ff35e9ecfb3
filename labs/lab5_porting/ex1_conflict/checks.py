"""What 5.1 must do."""

from labs.lab5_porting.replaying import in_place_of, replay
from labs.making import log_in_words, log_of
from labs.runner.checking import Trial, check
from labs.runner.exercise import Reading
from port.log import RaftLog

BACK = Reading("failover.md#two-kinds-of-tail", "Two kinds of tail")
LOG = Reading("log.md", "The log")


def ask(
    t: Trial, terms: tuple[int, ...], index: int, term: int, behind: int = 0
) -> tuple[int, int]:
    function = t.name("find_conflict_by_term")
    words = log_in_words(terms, behind)
    t.called = f"find_conflict_by_term({words}, index={index}, term={term})"
    found: tuple[int, int] = function(log_of(terms, behind), index, term)
    return found


@check("an entry whose term is not higher may agree", BACK)
def at_once(t: Trial) -> None:
    t.same(ask(t, (1, 1, 2, 2), 4, 2), (4, 2),
           "our entry 4 is of term 2, and so is theirs: they may be the same"
           )  # fmt: skip
    t.same(ask(t, (1, 1, 2, 2), 4, 3), (4, 2),
           "a lower term of ours is possible, too: what they have of term 3"
           " may begin below index 4")  # fmt: skip


@check("a whole term is passed over at once", BACK)
def passed_over(t: Trial) -> None:
    t.same(ask(t, (1, 1, 5, 5, 5), 5, 3), (2, 1),
           "theirs is of term 3 at index 5, so below it they have nothing of"
           " term 5: all three of ours are passed over")  # fmt: skip
    t.same(ask(t, (1, 2, 4, 6), 4, 3), (2, 2),
           "the highest of the indexes that are possible is wanted"
           )  # fmt: skip


@check("where nothing can agree, index 0 is left", BACK)
def nothing(t: Trial) -> None:
    t.same(ask(t, (4, 4, 4), 3, 2), (0, 0),
           "all of ours are of a higher term. Before index 1 every log is"
           " the same: empty")  # fmt: skip
    t.same(ask(t, (1, 1), 0, 3), (0, 0), "before index 1 there is nothing")
    t.same(ask(t, (1, 5), 2, 1), (1, 1), "entry 1 is one like any other")


@check("beyond the end of the log nothing is known", LOG)
def beyond(t: Trial) -> None:
    t.same(ask(t, (1, 1), 5, 3), (5, 0),
           "our log ends at 2. We do not know what would stand at 5, so it"
           " may agree; the caller has already cut the index to the log's"
           " length where that matters")  # fmt: skip


@check("below what is compacted nothing is known", LOG)
def compacted(t: Trial) -> None:
    t.same(ask(t, (5, 5), 6, 3, behind=4), (4, 1),
           "the term of the last compacted entry is still known: 1"
           )  # fmt: skip
    t.same(ask(t, (5, 5), 6, 0, behind=4), (3, 0),
           "entry 3 is compacted, its term forgotten: it may agree. Whoever"
           " goes on to 0 sends a log from its beginning, which is not there"
           " any more")  # fmt: skip


@check("all recordings stay as they are", LOG)
def recordings(t: Trial) -> None:
    function = t.name("find_conflict_by_term")
    with in_place_of(RaftLog, find_conflict_by_term=function):
        replay(t)


CHECKS = [at_once, passed_over, nothing, beyond, compacted, recordings]
