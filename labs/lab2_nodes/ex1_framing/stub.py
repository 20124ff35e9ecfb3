"""2.1: your framing, as `Framing` in kv/seams.py wants it.

TCP carries bytes, not messages. What was sent in one piece may arrive in
many, and what was sent in many, in one.
"""


class LengthPrefixed:
    """Where one message ends and the next begins, in one direction."""

    def __init__(self, limit: int) -> None:
        """Starts with nothing received.

        Args:
            limit: How long a message may be, in bytes.
        """
        self.limit = limit

    def encode(self, body: bytes) -> bytes:
        """Returns the bytes to send for a message.

        Raises:
            ValueError: it is longer than the limit.
        """
        raise NotImplementedError("LengthPrefixed.encode, for one message.")

    def feed(self, data: bytes) -> list[bytes]:
        """Takes bytes as they arrive; returns the messages now complete.

        Raises:
            ValueError: no message begins so, or it is longer than the limit.
                This is noticed before its body has arrived.
        """
        raise NotImplementedError("LengthPrefixed.feed, for what arrives.")
