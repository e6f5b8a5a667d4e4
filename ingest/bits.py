"""Reading numbers bit by bit, as codec headers are written."""

from ingest.errors import ProtocolError


class BitReader:
    """A position in a string of bits, most significant first.

    Reading past the end raises ProtocolError: the bytes come from a stranger.
    """

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self._left = 8 * len(data)

    def bits(self, count: int) -> int:
        """Return the next `count` bits as a number."""
        if count > self._left:
            raise ProtocolError("a codec header is too short")
        self._left -= count
        return self._value >> self._left & ((1 << count) - 1)

    def flag(self) -> bool:
        """Return the next bit as a claim."""
        return self.bits(1) == 1

    def unsigned(self) -> int:
        """Return an unsigned Exp-Golomb number: ue(v) of ITU-T H.264, 9.1."""
        zeros = 0
        while not self.bits(1):
            zeros += 1
            if zeros > 32:
                raise ProtocolError("a number in a codec header is too large")
        return (1 << zeros) - 1 + self.bits(zeros)

    def signed(self) -> int:
        """Return a signed Exp-Golomb number: se(v) of ITU-T H.264, 9.1.1."""
        number = self.unsigned()
        return (number + 1) // 2 if number & 1 else -(number // 2)
