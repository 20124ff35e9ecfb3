"""2.1: where one message ends and the next begins."""

from labs.runner.exercise import Exercise, Reading, mutant

EXERCISE = Exercise(
    id="2.1",
    title="Frame messages",
    minutes=25,
    package=__name__,
    file="framing.py",
    defines=("LengthPrefixed",),
    goal="messages over a stream of bytes",
    stub_says="Still to be written: LengthPrefixed.encode",
    part="framing",
    plug="framing=LengthPrefixed",
    reference="kv/framing.py",
    reading=(
        Reading("one-write.md#3-everywhere-at-once", "Everywhere at once"),
    ),
    hints=(
        "A length in four bytes, then the body: int.to_bytes(4, 'big') and"
        " int.from_bytes. Keep what has arrived and is not yet complete in a"
        " bytearray.",
        "Loop: are there four bytes? Then the length is known; if it is"
        " beyond the limit, raise ValueError now. Is the body there? Then"
        " take it out, and look again; else wait for the next call.",
        "Give out bytes(...), not a piece of the bytearray or a memoryview of"
        " it: what you have given out must not change. Remove what was taken"
        " once, at the end, and not message by message: each removal moves"
        " all the rest.",
    ),
    discussion=(
        "Every protocol over TCP has these twenty lines, and most bugs in"
        " them are one: to believe that a read brings a message. On one"
        " machine it nearly always does.\n\n"
        "The limit is checked when the length is known and before anything"
        " is set aside for the body. A port that strangers can reach may be"
        " told any length.\n\n"
        "A length cannot be resynchronised: once one is wrong, all that"
        " follows is. So the transport ends the connection on ValueError,"
        " and raft does not mind: it sends again what matters."
    ),
    mutants=(
        mutant(
            "believes_in_pieces",
            "What arrives in one piece is taken for whole messages.",
            "buffer += data", "buffer[:] = data",
        ),
        mutant(
            "one_at_a_time",
            "Of several messages in one piece only the first is given out.",
            "            messages.append(bytes(buffer[start:at]))\n",
            "            messages.append(bytes(buffer[start:at]))\n"
            "            break\n",
        ),
        mutant(
            "needs_the_next_byte",
            "A message is complete only when another one begins.",
            "if len(buffer) - start < length:",
            "if len(buffer) - start <= length:",
        ),
        mutant(
            "sends_what_is_too_long",
            "encode has no limit.",
            "if len(body) > self._limit:", "if False:",
        ),
        mutant(
            "waits_for_what_is_too_long",
            "The limit is looked at when all has arrived.",
            "            if length > self._limit:\n",
            "            if length > self._limit and"
            " len(buffer) - start >= length:\n",
        ),
        mutant(
            "refuses_the_limit_itself",
            "A message of just the limit is refused.",
            "            if length > self._limit:\n",
            "            if length >= self._limit:\n",
        ),
        mutant(
            "shares_the_buffer",
            "All connections have one buffer.",
            "    __slots__ = (\"_buffer\", \"_limit\")\n",
            "    _shared = bytearray()\n",
            "self._buffer = bytearray()", "self._buffer = self._shared",
        ),
        mutant(
            "loses_the_rest",
            "What follows a complete message is thrown away.",
            "del buffer[:at]", "del buffer[:]",
        ),
    ),
)  # fmt: skip
