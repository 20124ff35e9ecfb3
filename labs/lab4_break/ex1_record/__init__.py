"""4.1: record what clients saw."""

from labs.runner.exercise import Exercise, Reading, mutant

EXERCISE = Exercise(
    id="4.1",
    title="What clients saw",
    minutes=30,
    package=__name__,
    file="recorder.py",
    defines=("Recorder",),
    goal="a history that a checker can judge",
    stub_says="Still to be written: Recorder.invoke",
    reading=(Reading("idea.md", "The idea"),),
    hints=(
        "Keep for each client what it has open (function, key, value), and"
        " which process it is at present. An answer takes the open call out.",
        "Three ends, and they are not the same. `ok`: it happened. `fail`: it"
        " certainly did not. `info`: nobody knows, it may yet happen. A"
        " timeout is the third, never the second.",
        "After `info` forget which process the client was; the next call draws"
        " a number that was never used. Count upwards, and never reuse.",
    ),
    discussion=(
        "Everything that a checker can find is in what the recorder wrote. Two"
        " mistakes ruin it. Taking a timeout for a failure makes a right store"
        " look wrong: the write shows up later, out of nowhere. Taking it for"
        " success, or leaving it out, makes a wrong store look right.\n\n"
        "The times matter as well. An event is written before the call goes"
        " out, and after the answer came in: so the interval is too long"
        " rather than too short, and the checker too lenient rather than"
        " unjust. `kv/workload.py` does the same for `kv chaos`."
    ),
    mutants=(
        mutant(
            "takes_a_timeout_for_a_failure",
            "An unknown write counts as not done.",
            '"info", *self._open.pop(client))', '"fail",'
            " *self._open.pop(client))",
        ),
        mutant(
            "stays_the_same_process",
            "After an unknown outcome the client goes on as before.",
            "        del self._process[client]\n", "",
        ),
        mutant(
            "uses_a_process_again",
            "The new process is one that was there before.",
            "            self._process[client] = self._fresh\n",
            "            self._process[client] = client\n",
        ),
        mutant(
            "does_not_say_what_was_read",
            "The answer of a get carries what was asked: nothing.",
            'seen = result if f == "get" else value', "seen = value",
        ),
        mutant(
            "a_mismatch_is_a_failure",
            "A cas that found something else counts as not done.",
            '        if f == "cas":\n',
            '        if f == "cas" and not result:\n'
            '            self._event(client, "fail", f, key, value)\n'
            '        elif f == "cas":\n',
        ),
        mutant(
            "two_at_a_time",
            "A client may have two calls open.",
            "if client in self._open:", "if False:",
        ),
        mutant(
            "one_time_for_both",
            "The answer carries the time of the call.",
            '"time": self._clock()', '"time": 1010 + 0 * self._clock()',
        ),
    ),
)  # fmt: skip
