"""3.3: start from the newest undamaged snapshot."""

from labs.runner.exercise import Exercise, Reading, mutant

EXERCISE = Exercise(
    id="3.3",
    title="Restore the newest undamaged one",
    minutes=20,
    package=__name__,
    file="snapshots.py",
    defines=("SnapshotFolder",),
    goal="a damaged snapshot gives way to the one before",
    stub_says="the node could start from the one before",
    part="snapshots",
    plug="snapshots=SnapshotFolder",
    stub="labs/lab3_snapshots/ex2_atomic/reference.py",
    reading=(Reading("snapshots.md#taking-one", "Taking a snapshot"),),
    hints=(
        "The stub's newest stops at the first one in the list. Let it go on"
        " to the next if that one cannot be used.",
        "`parse` raises ValueError for whatever is wrong with a file. Catch"
        " that, and nothing else: an OSError is the disk's, and stops the"
        " node.",
        "Beyond the limit: skip it, do not stop. Damaged: skip it, do not"
        " remove it. Nothing left: None.",
    ),
    discussion=(
        "A checksum that is looked at when the file is read, and a second"
        " file: that is all the protection there is against a disk that turns"
        " a bit. It works because three parts keep to one rule: the folder"
        " keeps two, the log keeps what the older one needs, and newest()"
        " believes nothing that it has not checked to the last byte.\n\n"
        "The limit is subtle. A snapshot file may be whole and yet not count:"
        " if the power goes between the rename and the mark in the log, the"
        " log does not know of it, and may still hold entries that"
        " contradict a snapshot from another leader."
    ),
    mutants=(
        mutant("stops_at_damage", "A damaged snapshot keeps the node from"
               " starting.", "                except ValueError:\n"
               "                    continue", "                except "
               "ValueError:\n                    raise"),
        mutant("gives_up", "After a damaged one it looks no further.",
               "                except ValueError:\n                    "
               "continue", "                except ValueError:\n"
               "                    return None"),
        mutant("believes_everything", "The checksum is not looked at.",
               "if crc32c(data[:-4]) != int.from_bytes(data[-4:], "
               '"big"):', "if not data:"),
        mutant("knows_no_limit", "A snapshot that was never marked counts.",
               "if index > limit:", "if index < 0:"),
        mutant("excludes_the_limit", "The one at the limit itself does not"
               " count.", "if index > limit:", "if index >= limit:"),
        mutant("takes_the_oldest", "The list is read from the other end.",
               "if s.isdigit()), reverse=True)", "if s.isdigit()))"),
        mutant("trips_over_strangers", "Another file's name is taken for a"
               " number.", "(int(s) for s in stems if s.isdigit())",
               "(int(s) for s in stems)"),
        mutant("takes_a_failing_disk_for_damage", "If the disk does not read,"
               " an older one is taken.",
               "                data = await self._disk.read("
               "self._path(index))\n                try:\n",
               "                try:\n                    data = await "
               "self._disk.read(self._path(index))\n",
               "                except ValueError:",
               "                except (ValueError, OSError):"),
        mutant("tidies_up", "What is damaged is removed.",
               "                except ValueError:\n                    "
               "continue", "                except ValueError:\n"
               "                    await self._disk.remove("
               "self._path(index))\n                    continue"),
    ),
)  # fmt: skip
