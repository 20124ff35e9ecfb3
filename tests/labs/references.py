"""A store made of the labs' own solutions, as a learner's would be."""

from kv.parts import Parts
from labs.lab1_store.ex6_once.reference import Machine
from labs.lab3_snapshots.ex1_due.reference import snapshot_due
from labs.lab3_snapshots.ex3_restore.reference import SnapshotFolder
from labs.lab3_snapshots.ex4_compact.reference import open_log

# Framing and loop are the store's, in the labs as well.
PARTS = Parts(
    machine=Machine,
    open_log=open_log,
    snapshots=SnapshotFolder,
    snapshot_due=snapshot_due,
)
