"""1.6: a write that is tried again is done once."""

from labs.runner.exercise import Exercise, Reading, mutant

EXERCISE = Exercise(
    id="1.6",
    title="Exactly once",
    minutes=40,
    package=__name__,
    file="machine.py",
    defines=("Machine",),
    goal="a write that is tried again is done once",
    stub_says="a retry hears what the first try was answered",
    part="state machine",
    plug="machine=Machine",
    stub="labs/lab1_store/ex2_machine/reference.py",
    reading=(
        Reading("write.md#whom-the-client-asks", "Whom the client asks"),
        Reading("snapshots.md#taking-one", "Taking a snapshot"),
    ),
    hints=(
        "Of each session keep two things: the last number that was carried"
        " out, and the answer to it. Look there before anything else, for"
        " PUT, APPEND, CAS and DELETE of a client that is not 0.",
        "Equal to the last number: the answer of then. Smaller: STALE."
        " Larger: carry it out, keep number and answer. No such session:"
        " EXPIRED. Number 0 is of no write, so it is STALE too.",
        "OPEN_SESSION answers the index it is applied at. A counter of your"
        " own would have to be in the snapshot; the index is known anyway.",
        "A dict keeps the order in which keys came. Take a session out and"
        " put it back at each use, and the first is the one used longest"
        " ago: next(iter(self.sessions)). Dump them in that order, and load"
        " restores it.",
    ),
    discussion=(
        "A client that has heard nothing can only try again, or not know."
        " Retries make a write happen at least once; the table of sessions"
        " makes it at most once. Both together is what people call exactly"
        " once, and it is the state machine that does it: raft itself will"
        " happily commit the same bytes twice.\n\n"
        "The table is state. It is changed by commands only, it is in the"
        " snapshot, and what it forgets follows from the log. Had one node"
        " forgotten a session by its clock, a retry would be applied there"
        " and refused elsewhere, and the nodes would differ for good.\n\n"
        "What was forgotten is refused, and not taken for new: EXPIRED is the"
        " honest answer, since nobody knows any more."
    ),
    mutants=(
        mutant(
            "does_it_again",
            "A retry is carried out again.",
            "if sequence > last:", "if sequence >= last:",
        ),
        mutant(
            "remembers_success_only",
            "What was refused is tried again by a retry.",
            "last, answer = sequence, self._do(index, command)",
            "done = self._do(index, command)\n"
            "            if done.status is not Status.OK:\n"
            "                self.sessions[client] = last, answer\n"
            "                return done\n"
            "            last, answer = sequence, done",
        ),
        mutant(
            "answers_stragglers",
            "An old number hears the answer to the last one.",
            "if sequence < last or sequence == 0:", "if sequence == 0:",
        ),
        mutant(
            "takes_strangers_in",
            "A session that is not known is taken for a new one.",
            "            return Result(Status.EXPIRED)",
            "            self.sessions[client] = 0, Result()",
        ),
        mutant(
            "forgets_in_the_snapshot",
            "The table of sessions is not in the dump.",
            "in self.sessions.items()\n        ]",
            "in self.sessions.items() if not client\n        ]",
        ),
        mutant(
            "counts_ids_itself",
            "Ids are counted, and the count starts anew with each process.",
            "                self.sessions[index] = 0, Result()\n",
            "                self.ids = getattr(self, 'ids', 0) + 1\n"
            "                index = self.ids\n"
            "                self.sessions[index] = 0, Result()\n",
        ),
        mutant(
            "never_forgets",
            "The table grows without bound.",
            "if len(self.sessions) > SESSIONS:", "if False:",
        ),
        mutant(
            "forgets_the_oldest",
            "The session that was opened first goes, also if it is in use.",
            "last, answer = self.sessions.pop(client)",
            "last, answer = self.sessions[client]",
        ),
        mutant(
            "loads_in_another_order",
            "After a load, other sessions are the ones used longest ago.",
            "for client, (last, answer) in self.sessions.items()",
            "for client, (last, answer) in sorted(self.sessions.items())",
        ),
        mutant(
            "guards_nothing_plain",
            "Writes without a session are refused.",
            "if not client or command.op not in GUARDED:",
            "if command.op not in GUARDED:",
        ),
    ),
)  # fmt: skip
