"""1.2: the state machine behind the store's seam."""

from labs.runner.exercise import Exercise, Reading, mutant

EXERCISE = Exercise(
    id="1.2",
    title="The state machine",
    minutes=45,
    package=__name__,
    file="machine.py",
    defines=("Machine",),
    goal="commands in, answers out, the same on every node",
    stub_says="Still to be written: Machine.apply, for all but GET",
    part="state machine",
    plug="machine=Machine",
    reading=(
        Reading(
            "commit.md#on-to-the-state-machine", "On to the state machine"
        ),
        Reading("snapshots.md#taking-one", "Taking a snapshot"),
    ),
    hints=(
        "One `case` an operation. Fetch `now = self.data.get(command.key)`"
        " first: GET, PUT, APPEND and CAS all look at it. None says that"
        " nothing is there; b'' says that an empty value is.",
        "DELETE and EXISTS use command.keys, not command.key; COUNT and LIST"
        " take command.key for the prefix. sorted() puts bytes into the right"
        " order; the limit comes last.",
        "A function with `yield` in it runs nothing before the first chunk is"
        " asked for. If dump is one, all that is written until then is in"
        " it. Copy first (a list of the items will do), and hand the copy to"
        " a generator.",
        "Let the dump begin with how many keys follow: then load can tell a"
        " whole one from one that was cut between two chunks. Load into a"
        " new dict, and put it in place when all is there.",
    ),
    discussion=(
        "The whole machine is one function from a state and a command to an"
        " answer. That is why it can be dull code: replication is in the"
        " order of the commands, and nothing of it is in here.\n\n"
        "What makes nodes differ is what sneaks in beside the commands. The"
        " order of a set of bytes differs from process to process; so does"
        " hash(). A timestamp differs by node. None of these shows in a test"
        " with one node.\n\n"
        "This dump copies the pointers of all items at once, which takes a"
        " few ms for 100,000 keys, and all wait. `kv/machine.py` spreads the"
        " keys over 256 dicts and copies one only when a write comes to it"
        " while a dump is under way."
    ),
    mutants=(
        mutant(
            "overwrites_under_nx",
            "The condition of a put is not looked at.",
            "command.when is When.ABSENT and now is not None", "False",
        ),
        mutant(
            "empty_is_absent",
            "An empty value is taken for none.",
            "command.when is When.ABSENT and now is not None",
            "command.when is When.ABSENT and now",
        ),
        mutant(
            "grows_without_bound",
            "Append makes values of any length.",
            "if len(grown) > MAX_VALUE:", "if len(grown) < 0:",
        ),
        mutant(
            "swaps_blindly",
            "Cas does not compare.",
            "if now != command.expected:", "if False:",
        ),
        mutant(
            "counts_what_was_asked",
            "Delete answers how many keys it was given.",
            "len(gone) - gone.count(None)", "len(gone)",
        ),
        mutant(
            "lists_in_order_of_arrival",
            "Keys are listed as the dict has them.",
            "keys = sorted(k for k in data if k.startswith(key))",
            "keys = [k for k in data if k.startswith(key)]",
        ),
        mutant(
            "repeats_the_last_key",
            "Listing on, it begins with the key that was named.",
            "if k > command.after", "if k >= command.after",
        ),
        mutant(
            "dumps_late",
            "The state is read when the chunks are taken, not when dump is"
            " called.",
            "return _chunks([(key, value) for key, value in"
            " self.data.items()])",
            "yield from _chunks([(key, value) for key, value in"
            " self.data.items()])",
        ),
        mutant(
            "loads_on_top",
            "Load adds to what is there.",
            "self.data = found", "self.data.update(found)",
        ),
        mutant(
            "believes_half_a_dump",
            "A dump that was cut is loaded as far as it goes.",
            "if size != len(found):", "if size is None:",
        ),
    ),
)  # fmt: skip
