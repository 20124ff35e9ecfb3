"""3.4: the log gets shorter, and a tail is kept."""

from labs.runner.exercise import Exercise, Reading, mutant

EXERCISE = Exercise(
    id="3.4",
    title="Compact the log, and keep a tail",
    minutes=45,
    package=__name__,
    file="wal.py",
    defines=("open_log",),
    goal="a log as long as what is needed, through any crash",
    stub_says="its files have grown from",
    part="log",
    plug="open_log=open_log",
    stub="labs/lab1_store/ex3_wal/reference.py",
    reading=(
        Reading("snapshots.md#taking-one", "Taking a snapshot"),
        Reading("snapshots.md#sending-one", "Sending a snapshot"),
    ),
    hints=(
        "Which entries may go? Not those before the snapshot that is being"
        " marked: those before the one that was marked last time. If the new"
        " snapshot is damaged, the node starts from the old one.",
        "A file cannot be cut off at its beginning. Write a new one with what"
        " stays, under another name, sync it, rename it over the old one, and"
        " sync the folder. The same four steps as in 3.2.",
        "What stays is more than entries: whose log it is, the last hard"
        " state (also one that was held back), the mark. Forget the vote, and"
        " the node votes twice.",
        "From then on write to the new file, at its own end: a File stays"
        " open under its new name. Set your failed flag before you begin, and"
        " clear it when all of it has returned.",
    ),
    discussion=(
        "Rewriting is the simplest compaction there is: it costs a copy of"
        " the tail, some 10,000 entries, once every 10,000 entries, and saves"
        " wait that long. Segments (`kv/wal.py`) do it without a copy: each"
        " segment begins with what is needed to read on without the ones"
        " before, and old ones are removed as whole files.\n\n"
        "The tail serves two purposes. This node can fall back on the older"
        " snapshot. And a follower that is a little behind gets entries, and"
        " not a snapshot of the whole state: the store keeps 5,000 in memory"
        " for that (`TAIL` in `kv/parts.py`).\n\n"
        "The mistake that hurts most is the quiet one. A log that has lost"
        " its hard state opens, runs, and answers, and one election later two"
        " nodes lead the same term."
    ),
    mutants=(
        mutant("keeps_everything", "A mark drops nothing.",
               "if (e.index or 0) > before", "if e.index or before"),
        mutant("drops_too_much", "All before the new snapshot goes.",
               "if (e.index or 0) > before\n",
               "if (e.index or 0) > (snapshot.index or 0)\n"),
        mutant("drops_one_too_many", "The entry behind the older snapshot"
               " goes, too.", "if (e.index or 0) > before",
               "if (e.index or 0) > before + bool(before)"),
        mutant("forgets_the_vote", "The hard state is not carried over.",
               '            "hard": hard_of(state.hard or pb.HardState()),\n',
               ""),
        mutant("forgets_whose_it_is", "The new file begins without the"
               " identity.",
               'data = make_record({"identity": self._identity}, 0)',
               "data = make_record({}, 0)"),
        mutant("forgets_the_mark", "The new file does not say what was"
               " marked.", '"mark": state.mark,\n', "\n"),
        mutant("writes_in_place", "The log itself is emptied and written"
               " anew.", 'await disk.create(f"{folder}/{TEMPORARY}")',
               'await disk.create(f"{folder}/{NAME}")',
               '        await disk.rename(f"{folder}/{TEMPORARY}",'
               ' f"{folder}/{NAME}")\n', ""),
        mutant("renames_unsynced", "The new file takes its place before its"
               " data is safe.",
               "        await file.append(data, sync=True)\n        await disk",
               "        await file.append(data)\n        await disk"),
        mutant("forgets_the_folder", "After a power cut the old file is back,"
               " without what was saved since.",
               "        await disk.sync_folder(folder)\n        old,",
               "        old,"),
        mutant("goes_on_after_a_failed_mark", "It saves into a file that may"
               " not be the log any more.",
               "            self._failed = True  # Unless all of it"
               " returns.\n", ""),
        mutant("writes_to_the_old_file", "What is saved after a mark goes"
               " into a file without a name.",
               "old, self._file, self._end = self._file, file, len(data)",
               "old, self._end = file, len(data)"),
    ),
)  # fmt: skip
