"""Watches a node, and tells each transition that it makes.

A transition says which of a node's many small state machines has moved
(`family`), from where to where, because of which message or call (`cause`),
and which function of the port decided so (`symbol`). A family has a file:

    role          `roles`          what it is to the others, and in which term
    role-message  `messages`       what a role makes of a type of message
    progress      `progress`       how a leader sends to one peer
    entry         `entries`        an entry's way: written, committed, applied
    snapshot      `snapshots`      one's way into the log, or out to a peer
    configuration `configuration`  simple or joint; a change under way
    read-index    `reads`          a read's way to its answer
    transfer      `transfer`       a leader's way of handing over
    vote          `votes`          given and refused, won and lost
    node-loop     `loop`           the channels that a node has armed

States have plain names, such as `leader` or `replicate, full, paused`. What
comes to nothing is told too (`dropped: no leader`, `refused: lease`), and a
broken rule is a transition to `panic`. The book's catalogue has every one of
them, `book/transitions.toml`, and those of `role-message` in `matrix.toml`.

    seen = []
    node = watch(RawNode(config), seen.append)

    with watch_loop(a_node_of_port_node, seen.append):
        ...

The core knows nothing of this, and while nobody watches it costs nothing.
What all families share is in four files: how a node stands at one look
(`marks`), what is going on meanwhile (`scene`), who decided (`deciding`), and
when to look (`observer`).
"""

from __future__ import annotations

from port.rafttest.observe.loop import watch_loop
from port.rafttest.observe.transition import Sink, Transition
from port.rafttest.observe.watched import WatchedRawNode, watch

__all__ = ["Sink", "Transition", "WatchedRawNode", "watch", "watch_loop"]
