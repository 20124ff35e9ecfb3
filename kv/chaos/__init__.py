"""Real processes under faults, and a verdict: `python -m kv chaos`.

In the order in which it is best read:

    links.py    proxies between nodes: cut, slow, stuck, narrow, broken
    nodes.py    the processes: killed, paused, their clocks, disks, members
    damage.py   a log with a torn end, or with a bit turned
    power.py    a power cut, which loses what was not synced
    injure.py   actions of `kv.faults`, carried out on links and nodes
    run.py      a run from the start to the verdict
    early.py    problems that show while it goes on
    view.py     what is shown meanwhile
    report.py   the page that is written at the end, with what is in page/
    planted.py  a node with a mistake in it, for runs that must not go well
    controls.py mistakes that must be found, and how each was
    command.py  the command line

Nothing is done inside the servers: they are `kv serve` as it is. Whatever
hurts them comes from outside, but for their clock, which is told to run
wrongly by way of `kv.skew`. Only under `--power-cuts`, and with a mistake
planted, they are something else.
"""
