"""The addresses that were seen, in little memory: a digest and a line number for each."""

from array import array

_EMPTY = 0
_MASK = 0xFFFF_FFFF_FFFF_FFFF


class AddressBook:
    """Addresses in the form in which they are compared, and the line of a file where each stood.

    A table of open addressing over 64-bit digests: 12 bytes a slot, of which at most two in three
    are used, so 18 to 36 bytes an address. Two of a million addresses have one digest with a
    probability of 3 in 100 million; the later would then count as there already.
    """

    def __init__(self) -> None:
        self._allocate(1 << 10)

    def add(self, address: str, line: int) -> None:
        """Remember an address; one that is there stays as it is."""
        digest = (hash(address) & _MASK) or 1
        slot = self._slot(digest)
        if self._digests[slot] == _EMPTY:
            self._digests[slot], self._lines[slot] = digest, line
            self._count += 1
            if self._count * 3 > len(self._digests) * 2:
                self._grow()

    def line_of(self, address: str) -> int | None:
        """The line with which an address was added, null for one that was not."""
        slot = self._slot((hash(address) & _MASK) or 1)
        return None if self._digests[slot] == _EMPTY else self._lines[slot]

    def _slot(self, digest: int) -> int:
        """Where a digest is, or would be."""
        digests, mask = self._digests, len(self._digests) - 1
        slot = digest & mask
        while digests[slot] not in (_EMPTY, digest):
            slot = (slot + 1) & mask
        return slot

    def _grow(self) -> None:
        digests, lines = self._digests, self._lines
        self._allocate(len(digests) * 2)
        for digest, line in zip(digests, lines, strict=True):
            if digest != _EMPTY:
                slot = self._slot(digest)
                self._digests[slot], self._lines[slot] = digest, line
                self._count += 1

    def _allocate(self, slots: int) -> None:
        self._digests = array("Q", bytes(8 * slots))
        self._lines = array("I", bytes(4 * slots))
        self._count = 0
