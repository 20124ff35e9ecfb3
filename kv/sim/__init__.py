"""The same server on simulated clocks, network and disks: `python -m kv sim`.

In the order in which it is best read:

    loop.py      virtual time, processes that can be killed, the way out shut
    clock.py     a machine's clock: its rate, its jumps
    network.py   connections: late, cut, stuck, broken, and worse
    disk.py      what a power cut leaves, and what a failed sync
    cluster.py   machines, and what an action of `kv.faults` does to them
    watch.py     every rule, at every step; model.py, the store in few lines
    run.py       from a seed to a verdict; replay files
    view.py      what is shown meanwhile
    late.py      a loop that is late with what it reports to raft
    shrink.py    from a long schedule to a short one
    controls.py  the mistakes that must be found, and where
    command.py   the command; many seeds on many cores, or machines

Nothing of the store is copied here: server, log, snapshots, transport and
client are those of `kv`, on another `World`. One seed is one run, to the
byte, so whatever goes wrong can be looked at again.
"""
