"""Reading parameter sets bit by bit: H.264 and H.265 write their numbers alike (ITU-T H.264, 9.1)."""

from typing import Final

_MAX_ZEROS: Final = 32
_MAX_EXP_GOLOMB: Final = 1 << 16


class Bits:
    """A reader of bits of a NAL unit, header included or not. Raises ValueError past the end."""

    def __init__(self, data: bytes) -> None:
        """Take the bytes as they stand in the stream: what keeps start codes out of them is left out here."""
        data = data.replace(b"\x00\x00\x03", b"\x00\x00")
        self._value = int.from_bytes(data)
        self._left = len(data) * 8

    def read(self, count: int) -> int:
        """An unsigned number of so many bits."""
        self._left -= count
        if self._left < 0:
            message = "a parameter set is cut short"
            raise ValueError(message)
        return (self._value >> self._left) & ((1 << count) - 1)

    def exp_golomb(self) -> int:
        """ue(v)."""
        zeros = 0
        while not self.read(1):
            zeros += 1
            if zeros > _MAX_ZEROS:
                break
        value = (1 << zeros) - 1 + self.read(zeros)
        if value > _MAX_EXP_GOLOMB:
            message = "a number in a parameter set is out of all bounds"
            raise ValueError(message)
        return value

    def signed_exp_golomb(self) -> int:
        """se(v)."""
        value = self.exp_golomb()
        return (value + 1) // 2 if value % 2 else -(value // 2)
