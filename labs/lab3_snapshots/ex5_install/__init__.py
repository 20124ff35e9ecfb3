"""3.5: install a snapshot on a slow follower."""

from labs.runner.exercise import Exercise, Reading, mutant

SAVE = "    await node.snapshots.save(metadata, [data])\n"
MARK = "    await node.log.mark(metadata)\n"
STORE = "    node.storage.apply_snapshot(pb.Snapshot(None, metadata))\n"
LOAD = "    node.machine.load([data])\n    node.applied = index\n"

EXERCISE = Exercise(
    id="3.5",
    title="Install it on a slow follower",
    minutes=30,
    package=__name__,
    file="install.py",
    defines=("install",),
    goal="a node that is far behind goes on from the leader's state",
    stub_says="Still to be written: install, four things in a safe order",
    reading=(
        Reading("snapshots.md#sending-one", "Sending a snapshot"),
        Reading("snapshots.md#taking-one", "Taking a snapshot"),
        Reading("slow-follower.md", "A slow follower"),
    ),
    hints=(
        "Four things are to be told: the files (snapshots.save), the log"
        " (log.mark), raft's storage (storage.apply_snapshot), the machine"
        " (machine.load, and node.applied). Which of them outlive a crash?",
        "The two on disk come first. Between those two: the mark makes the"
        " log drop all its entries, since the snapshot takes their place. So"
        " what must be there by then?",
        "Look at node.applied before anything else: a snapshot that is not"
        " ahead is an old message. Raft's storage wants"
        " pb.Snapshot(None, metadata): the data stays in the file.",
    ),
    discussion=(
        "File, mark, storage, machine. The first two are one promise in two"
        " places, and their order follows from what each destroys: saving a"
        " file destroys nothing, marking drops the log. Had the mark come"
        " first, a crash between the two would leave a node with neither,"
        " and the server says so and refuses to start.\n\n"
        "Storage and machine live in memory, so a crash cannot tear them"
        " apart; but clients and raft look at them meanwhile. They must not"
        " see what a power cut could take back.\n\n"
        "In the store these four are spread over two steps of the Ready loop,"
        " `store_snapshot` and `restore`, with the save of entries between"
        " them: now you can say why."
    ),
    mutants=(
        mutant("marks_first", "The log drops its entries before the file is"
               " there.", SAVE + MARK, MARK + SAVE),
        mutant("never_marks", "The log does not know of the snapshot.",
               MARK, ""),
        mutant("keeps_no_file", "The state is in memory only.", SAVE, ""),
        mutant("loads_first", "Clients read a state that is not stored.",
               SAVE, LOAD + SAVE),
        mutant("tells_raft_first", "Raft hears of it before the disk does.",
               SAVE, STORE + SAVE, "last.\n" + STORE, "last.\n"),
        mutant("forgets_raft", "Raft's storage still has the old entries.",
               STORE, ""),
        mutant("forgets_the_machine", "The keys are the old ones.",
               "    node.machine.load([data])\n", ""),
        mutant("forgets_how_far", "node.applied stays where it was: entries"
               " are waited for that will never come.",
               "    node.applied = index\n", ""),
        mutant("goes_back", "An old snapshot takes the place of a newer"
               " state.", "    if index <= node.applied:\n"
               "        return False\n", ""),
        mutant("takes_the_same_again", "One that is level is installed.",
               "if index <= node.applied:", "if index < node.applied:"),
        mutant("passes_over_a_full_disk", "A failed save is not heard of.",
               SAVE, "    try:\n    " + SAVE + "    except OSError:\n"
               "        pass\n"),
    ),
)  # fmt: skip
