"""The addresses that were seen, in little memory: a digest and a line number for each."""

from array import array
from collections.abc import Iterator

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
        self._add((hash(address) & _MASK) or 1, line)

    def add_all(self, other: "AddressBook") -> None:
        """Remember the addresses of another book, too."""
        for digest, line in other.digests():
            self._add(digest, line)

    def digests(self) -> Iterator[tuple[int, int]]:
        """The digest and the line of each address."""
        pairs = zip(self._digests, self._lines, strict=True)
        return (pair for pair in pairs if pair[0] != _EMPTY)

    def line_of(self, address: str) -> int | None:
        """The line with which an address was added, null for one that was not."""
        slot = self._slot((hash(address) & _MASK) or 1)
        return None if self._digests[slot] == _EMPTY else self._lines[slot]

    def _add(self, digest: int, line: int) -> None:
        slot = self._slot(digest)
        if self._digests[slot] == _EMPTY:
            self._digests[slot], self._lines[slot] = digest, line
            self._count += 1
            if self._count * 3 > len(self._digests) * 2:
                self._grow()

    def _slot(self, digest: int) -> int:
        """Where a digest is, or would be."""
        digests, mask = self._digests, len(self._digests) - 1
        slot = digest & mask
        while digests[slot] not in (_EMPTY, digest):
            slot = (slot + 1) & mask
        return slot

    def _grow(self) -> None:
        pairs = self.digests()
        self._allocate(len(self._digests) * 2)
        for digest, line in pairs:
            self._add(digest, line)

    def _allocate(self, slots: int) -> None:
        self._digests = array("Q", bytes(8 * slots))
        self._lines = array("I", bytes(4 * slots))
        self._count = 0
