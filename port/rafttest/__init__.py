"""A harness that drives raft by scripts, and checks what it prints.

`python -m port.rafttest` is its command line.
"""
