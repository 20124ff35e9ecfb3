"""2.1: bytes that are cut off at the front."""


class LengthPrefixed:
    def __init__(self, limit):
        self.limit, self.rest = limit, b""
    def encode(self, body):
        if len(body) > self.limit:
            raise ValueError("long")
        return len(body).to_bytes(4, "big") + body
    def feed(self, data):
        self.rest += data
        out = []
        while len(self.rest) >= 4:
            n = int.from_bytes(self.rest[:4], "big")
            if n > self.limit:
                raise ValueError("long")
            if len(self.rest) < 4 + n:
                break
            out.append(self.rest[4 : 4 + n])
            self.rest = self.rest[4 + n :]
        return out
