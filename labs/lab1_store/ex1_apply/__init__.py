"""1.1: committed entries become the contents of a dict."""

from labs.runner.exercise import Exercise, Reading, mutant

EXERCISE = Exercise(
    id="1.1",
    title="Apply entries to a dict",
    minutes=20,
    package=__name__,
    file="apply.py",
    defines=("Store",),
    goal="what is committed shows in a dict[str, str], on all nodes alike",
    stub_says="Still to be written: Store.apply",
    reading=(
        Reading(
            "commit.md#on-to-the-state-machine", "On to the state machine"
        ),
    ),
    hints=(
        "Begin with the plainest thing that could work: decode the data,"
        " split off the first word, and look at `put`. Then let `check` tell"
        " you what else a log holds. There are four kinds of entries that are"
        " no commands of a client at all.",
        "Look at the index first. Up to self.applied: it has been applied,"
        " return. Beyond self.applied + 1: something is missing, raise"
        " ValueError. In all other cases self.applied moves, whether the"
        " entry holds a command or not.",
        "`entry.type` is None or pb.EntryNormal (which is 0) for commands;"
        " anything else is a change of members. `entry.data` is None or empty"
        " for the entry that each new leader begins its term with. To split"
        " without losing spaces in the value: text.split(' ', 2), or"
        " partition, twice.",
        "What is no command must change nothing and raise nothing:"
        " UnicodeDecodeError and a wrong number of words are cases of that."
        " Every node sees the same bytes, so every node skips the same.",
    ),
    discussion=(
        "The index decides before anything else does. Raft hands out what is"
        " committed from the applied index on, and that index is only as"
        " fresh as what the application remembers: after a restart the same"
        " entries come again. Whoever applies by what arrives, and not by"
        " what is missing, has appended twice.\n\n"
        "A gap is the opposite: something is lost, and no code below can"
        " bring it back. Going on would make this node differ from all"
        " others, silently. So it stops.\n\n"
        "What cannot be understood is skipped, and not refused with an error:"
        " the entry is committed, every node will meet it, and one that"
        " stops at it stops again after each restart. The store does the"
        " same with `BadCommand`, in `kv/replica/replica.py`."
    ),
    mutants=(
        mutant(
            "applies_again",
            "An entry that comes again after a restart is applied again.",
            "if index <= self.applied:", "if index < 0:",
        ),
        mutant(
            "passes_over_a_gap",
            "A missing entry is not noticed.",
            "if index > self.applied + 1:", "if index < 0:",
        ),
        mutant(
            "takes_members_for_commands",
            "The type is not looked at: a change of members is applied.",
            "if entry.type or not entry.data:", "if not entry.data:",
        ),
        mutant(
            "chokes_on_a_new_leader",
            "The empty entry of a new leader is taken for a command.",
            "if entry.type or not entry.data:", "if entry.type:",
            'entry.data.decode("utf-8")', 'entry.data.decode("utf-8")'
            "  # type: ignore",
        ),
        mutant(
            "cuts_at_spaces",
            "A value ends at its first space.",
            'text.split(" ", 2)', 'text.split(" ")',
            '["put", key, value]', '["put", key, value, *_]',
        ),
        mutant(
            "stops_at_nonsense",
            "What is no command raises, on each node and after each restart.",
            "except UnicodeDecodeError:\n            return",
            "except UnicodeDecodeError:\n            raise",
        ),
        mutant(
            "counts_commands_only",
            "The applied index moves for commands only.",
            "        self.applied = index\n", "",
            "        match text", "        self.applied = index\n"
            "        match text",
        ),
        mutant(
            "keeps_the_first",
            "A second put of the same key is ignored.",
            "self.data[key] = value", "self.data.setdefault(key, value)",
        ),
        mutant(
            "misses_delete",
            "Deleting a key that is not there raises.",
            "self.data.pop(key, None)", "self.data.pop(key)",
        ),
    ),
)  # fmt: skip
