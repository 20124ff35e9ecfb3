"""1.3: a log that survives a torn end."""

from labs.runner.exercise import Exercise, Reading, mutant

EXERCISE = Exercise(
    id="1.3",
    title="A log that survives a torn end",
    minutes=60,
    package=__name__,
    file="wal.py",
    defines=("open_log",),
    goal="what save has returned for outlives a crash",
    stub_says="Still to be written: open_log, which begins an empty log",
    part="log",
    plug="open_log=open_log",
    reading=(
        Reading("node.md#the-loop", "The loop"),
        Reading("failover.md#two-kinds-of-tail", "Two kinds of tail"),
    ),
    hints=(
        "Make each save one record: a length, a CRC (`from crc32c import"
        " crc32c`), and what is saved, packed by kv.packing.pack: hard state"
        " and entries together, so that a crash takes both or neither. The"
        " first record says whose log it is.",
        "Read record by record until one is not whole. A record that is not"
        " whole, with nothing behind it, is a save that a crash has stopped:"
        " `disk.truncate` it away before you write on, or what you write"
        " next stands behind rubbish. If a sound record follows, it is"
        " damage.",
        "To look for a record behind: try each byte from there on, and ask"
        " whether a head with a right CRC stands there. For that the head"
        " needs a CRC of its own, and it should cover the offset too, or a"
        " client may store the bytes of a record as a value.",
        "A new file is there after a power cut only if its folder was synced."
        " And: only the last record may be in doubt, so sync each before the"
        " next. What need not be synced (sync is false) can be held back, and"
        " go into the next record.",
        "After a failed append or sync set a flag, and raise OSError from"
        " then on. In `take`, new entries replace those from the first new"
        " index on; a mark whose index and term are not among the entries"
        " clears them.",
    ),
    discussion=(
        "The question at the end of a file is: torn or damaged? A torn record"
        " was never promised to anybody, and the node must start without it;"
        " a damaged one was, and the node must not start. This log tells them"
        " apart by one rule: each record is synced before the next is"
        " written, so whatever a record follows was once whole.\n\n"
        "That leaves one case in which it is wrong: damage in the very last"
        " record reads as torn, and a promise is dropped without a word."
        " `kv/records.py` goes on from here: it cuts only what ends in zeros"
        " or lacks a whole sector, since those are the traces that an"
        " interrupted write leaves, and flipped bits do not.\n\n"
        "Why hold a commit index back instead of writing it without a sync?"
        " Because then two records could be unsynced at once, and sectors"
        " reach the disk in any order: the second may be whole and the first"
        " not. The rule above would call that damage."
    ),
    mutants=(
        mutant(
            "never_syncs",
            "Saves are written, and lost with the power.",
            "await self._file.append(data, sync=True)",
            "await self._file.append(data)",
        ),
        mutant(
            "forgets_the_folder",
            "The new file's name is lost with the power.",
            "        await disk.sync_folder(folder)\n", "",
        ),
        mutant(
            "forgets_a_vote",
            "A hard state without entries is not saved.",
            "if entries or (sync and self._held is not None):",
            "if entries:",
            "if self._held is not None and not self._failed:",
            "if False:",
        ),
        mutant(
            "keeps_the_old_tail",
            "Entries that were replaced stay.",
            "self.entries = kept + new",
            "self.entries += new[len(self.entries) - len(kept):]",
        ),
        mutant(
            "cuts_off_damage",
            "Whatever is no record ends the log.",
            "if any(read_record(data, i) for i in range(at + 1, len(data))):",
            "if False:",
        ),
        mutant(
            "believes_without_a_crc",
            "The payload's checksum is not looked at.",
            "if len(payload) < size or crc32c(payload) != crc:",
            "if len(payload) < size:",
        ),
        mutant(
            "leaves_the_torn_end",
            "The torn record is passed over, and stays in the file.",
            "        await disk.truncate(path, at)\n",
            "        at = len(data)\n",
        ),
        mutant(
            "refuses_a_torn_end",
            "A node that was killed in a save does not start again.",
            "if any(read_record(data, i) for i in range(at + 1, len(data))):",
            "if True:",
        ),
        mutant(
            "goes_on_after_a_failure",
            "After a failed sync it tries again.",
            "        if self._failed:\n            raise OSError",
            "        if False:\n            raise OSError",
        ),
        mutant(
            "opens_anybodys",
            "The log of another node is opened.",
            'found[0].get("identity") != [*identity]', "False",
        ),
        mutant(
            "none_is_empty",
            "Absent data comes back as empty bytes.",
            "(e.term, e.index, e.type, e.data) for",
            '(e.term, e.index, e.type, e.data or b"") for',
        ),
        mutant(
            "saves_in_two",
            "Entries and hard state go in two records: a crash may take one.",
            "            if hard_state is not None:\n",
            "            if entries and hard_state is not None:\n"
            "                self._held = hard_state\n"
            "                await self._write({})\n"
            "            elif hard_state is not None:\n",
        ),
        mutant(
            "takes_no_turns",
            "Two saves at a time write over each other.",
            "        async with self._turn:\n"
            "            if hard_state is not None:",
            "        if True:\n            if hard_state is not None:",
        ),
    ),
)  # fmt: skip
