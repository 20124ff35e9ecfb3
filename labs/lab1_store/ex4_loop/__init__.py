"""1.4: persist, send, apply, advance."""

from labs.runner.exercise import Exercise, Reading, mutant

SAVE = """            await replica.save(
                ready.hard_state, ready.entries, ready.must_sync
            )
"""
STORE = "            await replica.store_snapshot(snapshot)\n"
APPLY = "        await replica.apply(ready.committed_entries)\n"
BEGIN = "        if ready.soft_state is not None:\n"

EXERCISE = Exercise(
    id="1.4",
    title="The Ready loop",
    minutes=30,
    package=__name__,
    file="loop.py",
    defines=("drive",),
    goal="persist, send, apply, advance: an order that survives crashes",
    stub_says="Still to be written: drive, one Ready after another",
    part="loop",
    plug="drive=drive",
    reference="kv/drive.py",
    reading=(
        Reading("node.md#a-ready", "A Ready"),
        Reading("write.md#what-may-leave-and-when",
                "What may leave, and when"),
        Reading("node.md#ready-and-its-end", "Ready and its end"),
    ),
    hints=(
        "Write the steps down in the order of the lab's title: persist,"
        " send, apply, advance. Then ask of each pair of neighbours: if the"
        " power goes between them, who believes what that is not so?",
        "Persist is two things: a snapshot that came, and then entries and"
        " hard state. is_empty_snap in port/types.py tells whether there is"
        " a snapshot at all. Save if there are entries or a hard state, with"
        " ready.must_sync.",
        "Apply is two things, too: restore the snapshot, then apply"
        " committed_entries. After that reads can be answered and a snapshot"
        " taken. `await node.advance()` is the last line of the loop's body.",
        "No `try` is needed anywhere: an error of the replica is to end the"
        " loop.",
    ),
    discussion=(
        "The order is: what others or clients may rely on is stored before"
        " they hear of it. All else follows from that sentence.\n\n"
        "Ours does one thing that yours need not: messages that promise"
        " nothing (a leader's appends, heartbeats) leave before the save, so"
        " the followers' disks work at the same time as the leader's. The"
        " three kinds that do promise something wait. If you send everything"
        " after the save, you are just as safe, and one sync slower.\n\n"
        "advance comes last since raft takes it as the word that the entries"
        " are stored here: only then does the leader count its own copy."
    ),
    mutants=(
        mutant(
            "sends_before_saving",
            "All messages leave at once, before anything is stored.",
            "promises = [m for m in ready.messages if m.type in _PROMISES]",
            "promises = []",
            "m for m in ready.messages if m.type not in _PROMISES",
            "m for m in ready.messages",
        ),
        mutant(
            "applies_before_saving",
            "Committed entries are applied first.",
            APPLY, "", BEGIN, APPLY + BEGIN,
        ),
        mutant(
            "forgets_the_hard_state",
            "A vote without entries is not saved.",
            "if ready.entries or ready.hard_state is not None:",
            "if ready.entries:",
        ),
        mutant(
            "never_asks_to_sync",
            "must_sync is not passed on.",
            "ready.must_sync\n", "False\n",
        ),
        mutant(
            "advances_early",
            "Raft hears that all is done before it is.",
            "        await node.advance()\n", "",
            BEGIN, "        await node.advance()\n" + BEGIN,
        ),
        mutant(
            "never_advances",
            "Raft waits for ever.",
            "        await node.advance()\n", "",
        ),
        mutant(
            "saves_entries_first",
            "The entries are saved before the snapshot that they follow.",
            STORE, "            pass\n",
            SAVE, SAVE + "        if snapshot is not None:\n" + STORE,
        ),
        mutant(
            "restores_before_storing",
            "The state is replaced by one that is not stored yet.",
            STORE, "            replica.restore(snapshot)\n" + STORE,
            "            # gone, and there would be nothing to start from.\n"
            "            replica.restore(snapshot)\n",
            "            pass\n",
        ),
        mutant(
            "answers_before_applying",
            "Reads are answered from the state of before.",
            "        replica.answer_reads(ready.read_states)\n", "",
            APPLY,
            "        replica.answer_reads(ready.read_states)\n" + APPLY,
        ),
        mutant(
            "swallows_a_failure",
            "A failed save is passed over.",
            SAVE,
            "            try:\n    " + SAVE.replace("\n    ", "\n        ")
            + "            except OSError:\n                pass\n",
        ),
        mutant(
            "takes_an_empty_snapshot",
            "A snapshot of index 0 is stored and restored.",
            "if snapshot is not None and is_empty_snap(snapshot):",
            "if False:",
        ),
        mutant(
            "snapshots_before_applying",
            "The snapshot is taken before what is in it is applied.",
            "        await replica.snapshot_if_due()\n", "",
            APPLY, "        await replica.snapshot_if_due()\n" + APPLY,
        ),
    ),
)  # fmt: skip
