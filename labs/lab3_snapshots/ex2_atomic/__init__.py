"""3.2: a snapshot is whole or not there."""

from labs.runner.exercise import Exercise, Reading, mutant

RENAME = "            await disk.rename(temporary, self._path(index))\n"
LAST = "                await file.append(pieces.end(), sync=True)\n"
SYNC = "            await disk.sync_folder(folder)\n"
DROP = """            older = [i for i in await self._indexes() if i <= index]
            for old in older[KEPT:]:
                await disk.remove(self._path(old))
"""
EXERCISE = Exercise(
    id="3.2",
    title="Write it atomically",
    minutes=30,
    package=__name__,
    file="snapshots.py",
    defines=("SnapshotFolder",),
    goal="a snapshot is whole or not there, whenever the power goes",
    stub_says="Still to be written: SnapshotFolder.save",
    part="snapshots",
    plug="snapshots=SnapshotFolder",
    reading=(Reading("snapshots.md#taking-one", "Taking a snapshot"),),
    hints=(
        "Write under a name that nobody looks for (next.tmp, say), and give"
        " it the right one when it is complete. A rename puts one file or"
        " the other under a name, and never half of one.",
        "Two things have to be synced, in this order: the file's data before"
        " the rename, the folder's names after it. Without the first, the"
        " name may be there and the data not; without the second, the name"
        " may be gone after save has returned.",
        "Remove old ones at the very end, when the new one is safe. Count"
        " only those up to this one's index: a newer one may have come from"
        " the leader meanwhile.",
        "Append chunk by chunk, with `await asyncio.sleep(0)` in between, so"
        " that others get their turn. `try: ... finally: await file.close()`"
        " around it.",
    ),
    discussion=(
        "Write aside, sync, rename, sync the folder: four steps that each"
        " database, editor and package manager has learnt the hard way. On"
        " most days three of them would do.\n\n"
        "Why keep two? The CRC tells that the newest is damaged, years"
        " later; then it is good to have another one, and a log that reaches"
        " back to it. That is why `Log.mark` may drop only what lies before"
        " the snapshot that was marked *before* this one.\n\n"
        "And the save runs beside the loop. The state it writes is of the"
        " moment of `dump()`; all that comes later is in the log."
    ),
    mutants=(
        mutant("writes_in_place", "It is written under its own name from the"
               " beginning.", 'temporary = f"{folder}/next.tmp"',
               "temporary = self._path(index)", RENAME, ""),
        mutant("renames_unsynced", "It gets its name before its data is safe.",
               LAST, LAST.replace(", sync=True", "")),
        mutant("forgets_the_folder", "After a power cut the name is gone.",
               SYNC, ""),
        mutant("syncs_the_folder_early", "The folder is synced before the"
               " name has changed.", RENAME + SYNC, SYNC + RENAME),
        mutant("clears_first", "Old ones are removed before the new one is"
               " there.", DROP, "", "            temporary = f",
               DROP.replace("i <= index", "i < index").replace(
                   "older[KEPT:]", "older") + "            temporary = f"),
        mutant("keeps_one", "There is nothing to fall back on.",
               "older[KEPT:]", "older[1:]"),
        mutant("keeps_all", "They fill the disk.", DROP, ""),
        mutant("removes_newer_ones", "One that comes late removes those that"
               " came before it.", "if i <= index]\n            for",
               "if i != index]\n            for",
               "older[KEPT:]", "older[1:] + older[:1]"),
        mutant("counts_newer_ones", "One that comes late is removed at once:"
               " two are newer.", "if i <= index]\n            for",
               "if i]\n            for"),
        mutant("lets_nobody_run", "All chunks are taken at once.",
               "                    await file.append(pieces.piece(chunk))\n"
               "                    await asyncio.sleep(0)"
               "  # A chunk may take a while.\n",
               "                    pieces.piece(chunk)\n",
               LAST, "                await file.append(b''.join(\n"
               "                    pieces.piece(chunk) for chunk in chunks\n"
               "                ) + pieces.end(), sync=True)\n"),
    ),
)  # fmt: skip
