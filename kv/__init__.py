"""The store that the labs build towards: replicated, durable, and testable.

One node, from what a client says down to the disk, in the order in which it is
best read:

    server.py     a node put together; serve.py is its command
    redis/        its clients, and what they may ask; resp.py cuts it up
    replica/      what became of that: the share of the store that a node has
    drive.py      the Ready loop; drive_async.py, with storing on its own
    seams.py      what each replaceable part has to promise; parts.py, whose
                  parts a node is made of
    commands.py   what is asked of the state machine; machine.py does it
    wal.py        the log on disk, with records.py and entries.py
    snapshots.py  the state on disk
    storage.py    what was found there, brought to one state for raft
    transport.py  to and from other nodes, with framing.py and messages.py;
                  address_book.py, where these listen
    world.py      clock, disk and network, the only ways out

Around it: `client.py` and the commands of `python -m kv` (`__main__.py` has
the list); `processes.py` and `console.py`, nodes as processes of one machine.
And those who judge it: `workload.py` asks, `faults.py` has words for what may
go wrong, `nemeses/` plans it, `sim/` and `chaos/` let it go wrong, `lincheck/`
looks at what clients saw, and `unsafe.py` plants mistakes that all these must
find.
"""
