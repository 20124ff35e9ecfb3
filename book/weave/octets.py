"""A message and three entries as bytes, and what each byte says.

The bytes are what the port writes, and they are read back here field by
field; `tests/book/test_raftpb.py` compares them with what the page says, and
the message with the one that node 1 sends in act 3 of the day.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from book.weave.canvas import frame, label, text
from port import raftpb as pb

HEIGHT = 330
CELL, TOP, ROW = 42, 40, 104

ENTRIES = (
    ("a write", pb.Entry(term=1, index=4, data=b"color:blue")),
    ("a leader's first entry", pb.Entry(term=1, index=4)),
    (
        "a change of members, refused",
        pb.Entry(term=1, index=4, type=pb.EntryNormal),
    ),
)
MESSAGE = pb.Message(
    type=pb.MsgApp, to=2, from_=1, term=1, log_term=1, index=3, commit=3,
    entries=[ENTRIES[0][1]],
)  # fmt: skip
DEEP = 332


def pieces(message: pb.Proto) -> Iterator[tuple[str, bytes, bytes, bytes]]:
    """Yields name, tag, length and value of each field, as written.

    All numbers in the pictures are small, so a tag or a length is one byte.
    """
    names = {f.number: f.name for f in message.FIELDS}
    data = message.marshal()
    at = 0
    while at < len(data):
        tag = data[at]
        name = names[tag >> 3]
        if tag & 7 == 2:
            end = at + 2 + data[at + 1]
            yield name, data[at : at + 1], data[at + 1 : at + 2], data[
                at + 2 : end
            ]
        else:
            end = at + 2
            yield name, data[at : at + 1], b"", data[at + 1 : end]
        at = end


def absent(message: pb.Proto) -> list[str]:
    """Returns the names of the fields that are not written."""
    there = {name for name, *_ in pieces(message)}
    return [f.name for f in message.FIELDS if f.name not in there]


def _cell(x: float, y: float, byte: int, look: str) -> str:
    return (
        f'<rect x="{x + 1:g}" y="{y:g}" width="{CELL - 2}" height="28" '
        f'style="{look};stroke:var(--muted)"/>'
        f'<text x="{x + CELL / 2:g}" y="{y + 19:g}" text-anchor="middle" '
        f'style="font-family:var(--mono)">{byte:02x}</text>'
    )


def _brace(left: float, right: float, y: float, said: str) -> str:
    return (
        f'<path d="M{left + 3:g} {y:g} v7 H{right - 3:g} v-7" style="fill:none;'
        'stroke:var(--muted);stroke-width:1.3"/>'
        + text((left + right) / 2, y + 22, said)
    )


def _said(name: str, value: bytes) -> str:
    if name == "data":
        return f'data: {len(value)} bytes, "{value.decode()}"'
    return f"{name} {value[0]}"


def _field(
    x: float, y: float, piece: tuple[str, bytes, bytes, bytes], said: str
) -> Iterator[str]:
    """Yields the cells of a field, and the brace below them."""
    start = x
    looks = ("fill:var(--band)", "fill:var(--tint)", "fill:none")
    for part, look in zip(piece[1:], looks, strict=True):
        for byte in part:
            yield _cell(x, y, byte, look)
            x += CELL
    yield _brace(start, x, y + 34, said)


def _width(piece: tuple[str, bytes, bytes, bytes]) -> int:
    return CELL * sum(map(len, piece[1:]))


def _head(y: float, what: str, size: int) -> str:
    return (
        f'<text x="0" y="{y - 14}"><tspan class="wv-strong">'
        f'{escape(what)}</tspan><tspan class="wv-said" dx="10">'
        f"{size} bytes</tspan></text>"
    )


def _row(message: pb.Proto, y: float) -> Iterator[str]:
    x = 0.0
    for piece in pieces(message):
        yield from _field(x, y, piece, _said(piece[0], piece[3]))
        x += _width(piece)


def _parts() -> Iterator[str]:
    for n, (what, entry) in enumerate(ENTRIES):
        y = TOP + ROW * n
        yield _head(y, what, entry.size())
        yield from _row(entry, y)


def _opened() -> Iterator[str]:
    """Yields the message: its numbers, the entry in it, and what is left."""
    yield _head(TOP, "MsgApp from 1 to 2", MESSAGE.size())
    x, y = 0.0, float(TOP)
    for piece in pieces(MESSAGE):
        name, tag, length, value = piece
        if not length:
            said = "type 3" if name == "type" else _said(name, value)
            yield from _field(x, y, piece, said)
            x += _width(piece)
            continue
        # A message in the message: how long it is, and then its own fields.
        y += 76
        yield _cell(0, y, tag[0], "fill:var(--band)")
        yield _cell(CELL, y, length[0], "fill:var(--tint)")
        said = f"{name}: {len(value)} bytes follow, and they are an entry"
        yield label(2 * CELL + 10, y + 19, said)
        y += 38
        yield from _row(ENTRIES[0][1], y)
        x, y = 0.0, y + 76
    y += 86
    yield (
        f'<text x="0" y="{y:g}"><tspan class="wv-strong">not there, so no '
        'bytes</tspan><tspan class="wv-said" dx="10">'
        f"{', '.join(absent(MESSAGE))}</tspan></text>"
    )


def svg() -> str:
    """Returns the three entries as one line of SVG."""
    told = "; ".join(
        f"{what}: {entry.marshal().hex(' ')}" for what, entry in ENTRIES
    )
    return frame("octets", HEIGHT, "Three entries as bytes", told, _parts())


def opened() -> str:
    """Returns the message, laid open, as one line of SVG."""
    told = f"{MESSAGE.marshal().hex(' ')}; absent: {', '.join(absent(MESSAGE))}"
    return frame(
        "opened", DEEP, "A message, laid open", told, _opened()
    )
