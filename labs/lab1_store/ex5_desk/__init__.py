"""1.5: propose and acknowledge."""

from labs.runner.exercise import Exercise, Reading, mutant

EXERCISE = Exercise(
    id="1.5",
    title="Propose and acknowledge",
    minutes=30,
    package=__name__,
    file="desk.py",
    defines=("Desk",),
    goal="a client is told what is true: done, not done, or unknown",
    stub_says="Still to be written: Desk.submit",
    reading=(
        Reading("write.md#whom-the-client-asks", "Whom the client asks"),
        Reading("failover.md#two-kinds-of-tail", "Two kinds of tail"),
    ),
    hints=(
        "One dict is enough: from the bytes of the entry to the deadline and"
        " to `done`. An entry that comes back leads to its client by its"
        " bytes; not by its index, where another leader's entry may stand.",
        "command._replace(tag=...) gives a command its tag. Count up from a"
        " random number of 62 bits, dice.getrandbits(62): after a restart it"
        " is another.",
        "Take the client out of the dict first (dict.pop with a default),"
        " then call `done`: so nobody can hear twice, on whichever way. One"
        " method `_answer(data, answer)` can serve all four.",
        "Failure(code, text, unknown): unknown is False only where it is"
        " certain that nothing was done and nothing will be, which is what"
        " `refused` says. On timeout and on stop it is True.",
    ),
    discussion=(
        "There are three answers to a write, and not two: done, not done,"
        " unknown. Systems that have only two say 'failed' on timeout, and a"
        " client that believes it writes again, or tells a person that the"
        " money has not moved.\n\n"
        "An index is no name for a write. raft hands one out when it takes"
        " the proposal, but if this node loses its lead, another leader's"
        " entry may be committed at that index. The bytes, with a tag that"
        " nobody else uses, are a name.\n\n"
        "`kv/replica/writes.py` knows one more case of 'not done': it led"
        " when raft took the write, in term t, and an entry of a later term"
        " has been applied since. Then the write was overwritten for certain,"
        " and it tries again by itself."
    ),
    mutants=(
        mutant(
            "acknowledges_the_proposal",
            "The client hears OK as soon as the write was taken.",
            "        return data\n",
            "        done(Result())\n        return data\n",
        ),
        mutant(
            "acknowledges_on_timeout",
            "After five seconds the client hears OK.",
            'Failure("TIMEOUT", "outcome unknown", True)', "Result()",
        ),
        mutant(
            "calls_a_timeout_a_failure",
            "After five seconds the client hears that nothing was done.",
            'Failure("TIMEOUT", "outcome unknown", True)',
            'Failure("TIMEOUT", "it has failed")',
        ),
        mutant(
            "answers_twice",
            "Whoever was answered stays in the table.",
            "self.waiting.pop(data, (0.0, None))",
            "self.waiting.get(data, (0.0, None))",
        ),
        mutant(
            "has_no_tags",
            "Two writes of the same have the same bytes.",
            "self.tag += 1", "self.tag += 0",
        ),
        mutant(
            "counts_tags_from_one",
            "After a restart the same tags come again.",
            "self.tag = dice.getrandbits(62)", "self.tag = 0",
        ),
        mutant(
            "answers_by_turn",
            "The next entry is taken for the one of who waits longest.",
            "        self._answer(data, result)\n",
            "        self._answer(next(iter(self.waiting), data), result)\n",
        ),
        mutant(
            "is_unsure_of_a_refusal",
            "What raft refused is called unknown.",
            'Failure("BUSY", "nothing was done")',
            'Failure("BUSY", "nothing was done", True)',
        ),
        mutant(
            "forgets_who_waits",
            "When the node stops, clients hang.",
            "for data in list(self.waiting):", "for data in list[bytes]():",
        ),
        mutant(
            "is_late_by_a_tick",
            "At the deadline itself the client still waits.",
            "if end <= now]", "if end < now]",
        ),
    ),
)  # fmt: skip
