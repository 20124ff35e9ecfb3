"""1.7: linearizable reads without the log."""

from labs.runner.exercise import Exercise, Reading, mutant

EXERCISE = Exercise(
    id="1.7",
    title="Linearizable reads",
    minutes=30,
    package=__name__,
    file="reads.py",
    defines=("Reads",),
    goal="reads that see every write that was answered before",
    stub_says="Still to be written: Reads.applied",
    reading=(
        Reading("reads.md#asking", "Asking"),
        Reading("reads.md#making-sure", "Making sure"),
        Reading("reads.md#answering", "Answering"),
    ),
    hints=(
        "A read goes through three lists: it waits for a question; it is"
        " part of the question under way; it is due once an index is applied."
        " Write them down as three fields, and each method moves reads from"
        " one to the next.",
        "question() takes all who wait, and from then on the list is empty:"
        " who comes later came after the question was put. The answer is an"
        " index as of the question, and may lie before a write that the late"
        " one has to see.",
        "confirmed() must compare state.request_ctx with the name of the"
        " question that is under way, and then forget that name: what comes"
        " under it again is no answer.",
        "Answer where both are known, the index of the question and what has"
        " been applied: after confirmed() and after applied(). Enough is"
        " index <= applied.",
    ),
    discussion=(
        "Linearizable means for a read: whatever was answered before the"
        " read began, it sees. Raft's part is to say an index that is at"
        " least as new as all of that, and to be sure that it still leads"
        " while it says so. Yours is to not let anything slip in between.\n\n"
        "The subtle mistake is to let a read join a question under way. It"
        " saves a round, and in most runs nobody notices: the index is stale"
        " only if a write was answered between the question and the read."
        " That is why a checker, and not a test with two clients, finds it;"
        " lab 4 builds one.\n\n"
        "`kv/replica/reads.py` has the same three lists, and the store refuses"
        " two answers that raft gives too early; the chapter on reads calls"
        " them the two holes."
    ),
    mutants=(
        mutant(
            "answers_from_a_stale_dict",
            "The read is answered at once, from what is there.",
            "        self.waiting.append((command, done))\n",
            "        done(self.machine.apply(self.at, command))\n",
        ),
        mutant(
            "does_not_wait_to_apply",
            "Raft's index is not looked at.",
            "if index <= self.at]", "if index >= 0]",
            "if i > self.at]", "if i < 0]",
        ),
        mutant(
            "waits_one_too_many",
            "It waits for an entry beyond the index.",
            "if index <= self.at]", "if index < self.at]",
            "if i > self.at]", "if i >= self.at]",
        ),
        mutant(
            "joins_the_question",
            "Who comes while a question is under way is answered with it.",
            "        self.waiting.append((command, done))\n",
            "        (self.waiting if self.name is None else"
            " self.asked).append((command, done))\n",
        ),
        mutant(
            "believes_old_answers",
            "Any answer is taken for the one to the question under way.",
            "if self.name is None or state.request_ctx != self.name:",
            "if self.name is None:",
        ),
        mutant(
            "loses_reads_with_the_question",
            "When a question is lost, so are the reads in it.",
            "self.waiting = self.asked + self.waiting",
            "self.waiting = self.waiting + []",
        ),
        mutant(
            "asks_under_one_name",
            "All questions have the same name.",
            "self.number += 1", "self.number += 0",
        ),
        mutant(
            "numbers_from_one",
            "All nodes use the same names.",
            "self.number = dice.getrandbits(62)", "self.number = 0",
        ),
        mutant(
            "waits_for_the_next_entry",
            "If all is applied already, nobody is answered until more is.",
            "        self.name, self.asked = None, []\n        self._answer()",
            "        self.name, self.asked = None, []",
        ),
        mutant(
            "asks_again_and_again",
            "A second question is put while one is under way.",
            "if not self.waiting or self.name is not None:",
            "if not self.waiting:",
        ),
    ),
)  # fmt: skip
