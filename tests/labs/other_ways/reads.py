"""1.7: who waits for an index stands in one list."""

class Reads:
    def __init__(self, machine, dice):
        self.machine, self.dice = machine, dice
        self.wait, self.now, self.later = [], [], []
        self.q = None
        self.n = 0
    def ask(self, command, done):
        self.wait.append((command, done))
    def question(self):
        if self.q or not self.wait:
            return None
        self.q = b"%x" % self.dice.getrandbits(64)
        self.now, self.wait = self.wait, []
        return self.q
    def confirmed(self, state):
        if self.q == state.request_ctx:
            self.q = None
            self.later += [(state.index, c, d) for c, d in self.now]
            self.now = []
            self.applied(self.n)
    def applied(self, index):
        self.n = index
        for i, c, d in self.later:
            if i <= index:
                d(self.machine.apply(index, c))
        self.later = [x for x in self.later if x[0] > index]
    def lost(self):
        self.q = None
        self.wait = self.now + self.wait
        self.now = []
