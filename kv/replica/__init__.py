"""One node's share of the store: between its clients, its peers and raft.

In the order in which it is best read:

    answers.py      what a client hears: done, not done, or unknown
    writes.py       who waits for which write, and what has become of it
    reads.py        who waits for a read, and what raft has said of it
    feeder.py       when raft is handed what waits, and how much at once
    mail.py         what other nodes have sent, on its way to raft
    snapshotter.py  when the state is written down, and what may then go
    tasks.py        work beside the loop, of which nothing fails unnoticed
    replica.py      what the Ready loop asks for, done by means of these

Writes and reads are plain books, without a loop or a channel in them: they
know who waits, and in what state. The feeder moves what waits to raft; the
replica, driven by the loop, tells the books what came back.
"""
