"""A port of etcd-io/raft v3.7.0: one Python file for each Go file, same names.

`port.raft` is the state machine, `port.rawnode` its synchronous front and
`port.node` the one with channels. The core does no I/O, starts no threads
and reads no clock: messages and ticks go in, `Ready` values come out.
"""
