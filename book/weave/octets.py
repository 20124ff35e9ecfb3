"""Three entries as bytes, and what each byte says.

The bytes are what the port writes, and they are read back here field by
field; `tests/book/test_raftpb.py` compares them with what the page says.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from port import raftpb as pb

WIDTH, HEIGHT = 692, 330
CELL, TOP, ROW = 42, 40, 104

ENTRIES = (
    ("a write", pb.Entry(term=1, index=4, data=b"color:blue")),
    ("a leader's first entry", pb.Entry(term=1, index=4)),
    (
        "a change of members, refused",
        pb.Entry(term=1, index=4, type=pb.EntryNormal),
    ),
)
NAMES = {f.number: f.name for f in pb.Entry.FIELDS}


def pieces(entry: pb.Entry) -> Iterator[tuple[str, bytes, bytes, bytes]]:
    """Yields name, tag, length and value of each field, as written.

    All numbers in the picture are small, so a tag or a length is one byte.
    """
    data = entry.marshal()
    at = 0
    while at < len(data):
        tag = data[at]
        name = NAMES[tag >> 3]
        if tag & 7 == 2:
            end = at + 2 + data[at + 1]
            yield name, data[at : at + 1], data[at + 1 : at + 2], data[
                at + 2 : end
            ]
        else:
            end = at + 2
            yield name, data[at : at + 1], b"", data[at + 1 : end]
        at = end


def _text(
    x: float, y: float, text: str, style: str = "", anchor: str = "middle"
) -> str:
    kind = f' class="{style}"' if style else ""
    return (
        f'<text{kind} x="{x:g}" y="{y:g}" text-anchor="{anchor}">'
        f"{escape(text)}</text>"
    )


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
        + _text((left + right) / 2, y + 22, said)
    )


def _said(name: str, value: bytes) -> str:
    if name == "data":
        return f'data: {len(value)} bytes, "{value.decode()}"'
    return f"{name} {value[0]}"


def _parts() -> Iterator[str]:
    for n, (what, entry) in enumerate(ENTRIES):
        y = TOP + ROW * n
        size = entry.size()
        yield (
            f'<text x="0" y="{y - 14}"><tspan class="wv-strong">'
            f'{escape(what)}</tspan><tspan class="wv-said" dx="10">'
            f"{size} bytes</tspan></text>"
        )
        x = 0.0
        for name, tag, length, value in pieces(entry):
            start = x
            for part, look in (
                (tag, "fill:var(--band)"),
                (length, "fill:var(--tint)"),
                (value, "fill:none"),
            ):
                for byte in part:
                    yield _cell(x, y, byte, look)
                    x += CELL
            yield _brace(start, x, y + 34, _said(name, value))


def svg() -> str:
    """Returns the picture as one line of SVG."""
    told = "; ".join(
        f"{what}: {entry.marshal().hex(' ')}" for what, entry in ENTRIES
    )
    return (
        f'<svg class="wv-drawn" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        'aria-labelledby="wv-octets-t wv-octets-d">'
        '<title id="wv-octets-t">Three entries as bytes</title>'
        f'<desc id="wv-octets-d">{escape(told)}</desc>'
        f"{''.join(_parts())}</svg>"
    )
