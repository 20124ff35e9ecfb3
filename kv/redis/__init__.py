"""A node's clients: Redis' protocol, and what is asked in it.

In the order in which it is best read:

    connection.py  one client: requests in, answers out, each in its turn
    replies.py     what the store has answered, as bytes
    keys.py        commands on keys, and sessions: what the store is for
    glob.py        patterns of keys
    talk.py        commands on the connection, and on the node itself
    members.py     MEMBER and TRANSFER: who belongs to the cluster, who leads

A group of commands is a class that is given what its commands need, and no
more; its `table` names them. A connection knows the tables, and what kind of
command each is, but not what any of them does.
"""
