"""Figures of single chapters: clocks, two rounds of votes, `step`'s sieve.

Small drawings that show one thing each. They bring their colours along, by
the names of `tokens.css`, so no style sheet has to know them.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from book.weave.roles import ROLES

WIDTH = 692
_SMALL = "font:13px var(--sans);fill:var(--muted)"
_PLAIN = "font:13px var(--sans);fill:var(--ink)"
_CODE = "font:13px var(--mono);fill:var(--ink)"
_STRONG = "font:600 14px var(--sans);fill:var(--ink)"
_STROKE = "fill:none;stroke:var(--muted);stroke-width:1.3"
_OUTLINES = {
    "F": "stroke-width:1.4",
    "P": "stroke-width:2.2;stroke-dasharray:0.5 4.2;stroke-linecap:round",
    "C": "stroke-width:1.8;stroke-dasharray:7 4",
    "L": "stroke-width:1.4",
}


def _svg(
    name: str, height: int, title: str, told: str, parts: Iterable[str]
) -> str:
    """Wraps the parts, with what a screen reader is to say of them."""
    return "".join([
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-labelledby="wv-{name}-t wv-{name}-d" '
        'style="width:100%;min-width:600px;height:auto;display:block">',
        f'<title id="wv-{name}-t">{escape(title)}</title>',
        f'<desc id="wv-{name}-d">{escape(told)}</desc>',
        f'<defs><marker id="wv-{name}-tip" viewBox="0 0 8 8" refX="7" '
        'refY="4" markerWidth="8" markerHeight="8" '
        'orient="auto-start-reverse"><path d="M0 0.8 8 4 0 7.2z" '
        'style="fill:var(--muted)"/></marker></defs>',
        *parts,
        "</svg>",
    ])


def _text(
    x: float, y: float, text: str, style: str = _PLAIN, anchor: str = "middle"
) -> str:
    return (
        f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" style="{style}">'
        f"{escape(text)}</text>"
    )


def _path(d: str, tip: str = "") -> str:
    end = f' marker-end="url(#wv-{tip}-tip)"' if tip else ""
    return f'<path d="{d}"{end} style="{_STROKE}"/>'


def _rect(
    x: float, y: float, width: float, height: float, style: str, rx: int = 0
) -> str:
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" '
        f'rx="{rx}" style="{style}"/>'
    )


def _role(x: float, y: float, letter: str, said: str) -> list[str]:
    """Draws a role's small pill around `x`, `y`, with its letter."""
    style = next(r.style for r in ROLES if r.letter == letter)
    fill, ink = f"var(--{style})", f"var(--{style}-ink)"
    width = 24 + 8 * len(said)
    left = x - width / 2
    look = f"fill:{fill};stroke:{ink};{_OUTLINES[letter]}"
    parts = [_rect(left, y - 12, width, 24, look, 12)]
    if letter == "L":
        inner = f"fill:none;stroke:{ink};stroke-width:1.2"
        parts.append(_rect(left + 3, y - 9, width - 6, 18, inner, 9))
    label = f"font:600 12.5px var(--sans);fill:{ink}"
    parts.append(_text(x, y + 4.5, f"{letter} {said}", label))
    return parts


def clocks() -> str:
    """What a follower counts, and what a leader counts."""
    left, tick, drawn = 56.0, 31.0, 14

    def at(n: float) -> float:
        return left + tick * n

    parts = [
        _text(left, 20, "A follower's clock", _STRONG, "start"),
        _rect(at(0), 52, 10 * tick, 26, "fill:var(--follower)"),
        _text(at(5), 69.5, "too soon",
              "font:13px var(--sans);fill:var(--follower-ink)"),
        _rect(at(10), 52, 9 * tick, 26, "fill:var(--pre)"),
        _text(at(16.6), 69.5, "its timeout lies here",
              "font:13px var(--sans);fill:var(--pre-ink)"),
        _path(f"M{at(6)} 48 C{at(6)} 22 {at(0)} 22 {at(0)} 46", "clocks"),
        _text(at(6.3), 40, "word from the leader: back to 0", _SMALL,
              "start"),
        _path(f"M{at(drawn)} 100 V82", "clocks"),
        _text(at(drawn), 115, "drawn: 14, so here it stands", _PLAIN),
    ]
    parts += [_path(f"M{at(n)} 78 v{7 if n % 10 else 11}") for n in range(20)]
    parts += [
        _text(at(n), 104, said, _SMALL)
        for n, said in ((0, "0"), (10, "10"), (19, "19 ticks"))
    ]
    y = 176
    parts += [
        _text(left, y - 26, "A leader's two", _STRONG, "start"),
        _path(f"M{at(0)} {y} H{at(19)}"),
        _text(at(0), y + 28, "heartbeats, every tick", _SMALL, "start"),
        _text(at(10), y + 46, "election timeout: does a quorum still speak?",
              _PLAIN),
        _path(f"M{at(10)} {y + 31} V{y + 16}", "clocks"),
    ]
    for n in range(20):
        size = 6.5 if n in (0, 10) else 3.5
        parts.append(
            f'<circle cx="{at(n)}" cy="{y}" r="{size}" '
            'style="fill:var(--leader);stroke:var(--leader-ink);'
            'stroke-width:1.3"/>'
        )
    return _svg(
        "clocks", 232, "The clocks of a follower and of a leader",
        "A follower counts ticks. Word from the leader sets it back to 0. Its"
        " timeout was drawn between 10 and 19; here 14. A leader sends"
        " heartbeats at every tick, and every 10 ticks it checks its quorum.",
        parts,
    )


def rounds() -> str:
    """Act 2: a round of questions, then a round of votes."""
    lanes = {2: 126, 1: 346, 3: 566}
    parts: list[str] = []
    for node, x in lanes.items():
        parts.append(_text(x, 20, f"node {node}", _STRONG))
        parts.append(_path(f"M{x} 62 V424"))
        parts += _role(x, 46, "F", "term 0")

    def both(y: int, out: bool, said: str) -> None:
        """Draws a message to both others, or from both."""
        for other, sign in ((2, -1), (3, 1)):
            near, far = lanes[1] + 8 * sign, lanes[other] - 8 * sign
            first, last = (near, far) if out else (far, near)
            parts.append(_path(f"M{first} {y} L{last} {y + 26}", "rounds"))
            parts.append(
                _text((near + far) / 2 + 34 * sign,
                      y + (2 if out else 36), said, _CODE)
            )

    both(104, True, "MsgPreVote 1")
    both(164, False, "MsgPreVoteResp 1")
    both(258, True, "MsgVote 1")
    both(346, False, "MsgVoteResp 1")
    for x, y, letter, said in (
        (346, 86, "P", "term 0"), (346, 232, "C", "term 1"),
        (126, 312, "F", "term 1"), (566, 312, "F", "term 1"),
        (346, 410, "L", "term 1"),
    ):
        parts += _role(x, y, letter, said)
    for x, y, said, anchor in (
        (110, 152, "would vote", "end"), (582, 152, "would vote", "start"),
        (126, 340, "vote: 1, stored", "middle"),
        (566, 340, "vote: 1, stored", "middle"),
        (402, 237, "vote: 1, stored", "start"),
    ):
        width = 7.2 * len(said)
        start = {"end": x - width, "start": x - 2, "middle": x - width / 2}
        parts.append(
            _rect(start[anchor], y - 14, width, 20, "fill:var(--paper)")
        )
        parts.append(_text(x, y, said, _SMALL, anchor))
    return _svg(
        "rounds", 434, "An election with pre-vote",
        "Node 1, a pre-candidate in term 0, asks nodes 2 and 3 about term 1."
        " Both would vote; nothing is stored. Node 1 becomes candidate in"
        " term 1 and asks for votes. Nodes 2 and 3 follow it into term 1,"
        " store their vote and answer. Node 1 leads.",
        parts,
    )


def sieve() -> str:
    """What a message passes on its way through `step`."""
    box = "fill:var(--tint);stroke:var(--hair);stroke-width:1.2"
    parts = [
        _text(346, 20, "a message", _STRONG),
        _path("M346 28 V48", "sieve"),
        _rect(236, 50, 220, 34, box, 6),
        _text(346, 72, "What is its term?", _PLAIN),
        _path("M236 67 H170 Q160 67 160 77 V106", "sieve"),
        _text(172, 58, "lower", _PLAIN),
        _path("M456 67 H520 Q530 67 530 77 V106", "sieve"),
        _text(510, 58, "higher", _PLAIN),
        _path("M346 84 V228", "sieve"),
        _text(354, 134, "equal,", _PLAIN, "start"),
        _text(354, 151, "or none", _PLAIN, "start"),
        _rect(16, 108, 288, 68, box, 6),
        _text(160, 130, "_step_lower_term", _CODE),
        _text(160, 150, "Tell a stale leader or pre-candidate;", _SMALL),
        _text(160, 167, "ignore all the rest.", _SMALL),
        _path("M160 176 V206", "sieve"),
        _text(160, 224, "done", _PLAIN),
        _rect(424, 108, 252, 68, box, 6),
        _text(550, 130, "_step_higher_term", _CODE),
        _text(550, 150, "Follow it there, unless it only", _SMALL),
        _text(550, 167, "asks, or a leader is close by.", _SMALL),
        _path("M620 176 V206", "sieve"),
        _text(620, 224, "in a lease: done", _PLAIN),
        _path("M488 176 V237 Q488 247 478 247 H460", "sieve"),
        _rect(236, 230, 220, 34, box, 6),
        _text(346, 252, "Alike in every role?", _PLAIN),
        _path("M236 247 H170 Q160 247 160 257 V290", "sieve"),
        _text(200, 241, "yes", _PLAIN, "start"),
        _text(160, 308, "_ANY_ROLE", _CODE),
        _text(160, 328, "stand, vote, storage answers", _SMALL),
        _path("M346 264 V290", "sieve"),
        _text(354, 281, "no", _PLAIN, "start"),
        _text(346, 308, "r._step", _CODE),
        _path("M384 304 H446", "sieve"),
    ]
    for n, (letter, table) in enumerate((
        ("F", "step_follower"), ("C", "step_candidate"), ("L", "step_leader"),
    )):
        y = 304 + 32 * n
        parts += _role(475, y, letter, "")
        parts.append(_text(500, y + 5, table, _CODE, "start"))
        if n:
            parts.append(_path(f"M416 {y - 32} V{y} H446", "sieve"))
    return _svg(
        "sieve", 394, "The way of a message through step",
        "First its term. A lower one: a stale leader or pre-candidate is told,"
        " the rest is ignored. A higher one: this node follows it there,"
        " unless it is a pre-vote or this node is in a lease. Then, if the"
        " type means the same in every role, the table _ANY_ROLE; else the"
        " role's own step function.",
        parts,
    )
