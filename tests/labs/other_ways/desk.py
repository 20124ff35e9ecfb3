"""1.5: a tag is drawn for each write."""

from kv.commands import encode
from kv.replica.answers import Failure

TIMEOUT = 5.0
class Desk:
    def __init__(self, dice):
        self.dice = dice
        self.who = {}
    def submit(self, command, now, done):
        data = encode(command._replace(tag=self.dice.getrandbits(60)))
        self.who[data] = (now, done)
        return data
    def tell(self, data, answer):
        if data in self.who:
            self.who.pop(data)[1](answer)
    def refused(self, data):
        self.tell(data, Failure("REFUSED", "not done"))
    def applied(self, data, result):
        self.tell(data, result)
    def tick(self, now):
        for data, (then, _) in list(self.who.items()):
            if now - then >= TIMEOUT:
                self.tell(data, Failure("TIMEOUT", "timed out", True))
    def stop(self):
        for data in list(self.who):
            self.tell(data, Failure("STOP", "unknown", True))
