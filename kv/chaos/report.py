"""x"""
from kv.chaos.run import Outcome


def write_report(outcome: Outcome) -> None:
    pass
