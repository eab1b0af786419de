"""Puts this machine into states that move what engines read as free memory.

Real page cache and real anonymous memory, taken and given back at once.
"""

import mmap
import os

MIB = 1 << 20
STEP = 64 * MIB


def meminfo():
    """{name: bytes} of /proc/meminfo."""
    values = {}
    with open("/proc/meminfo") as file:
        for line in file:
            name, value = line.split(":")
            parts = value.split()
            if len(parts) == 2:
                values[name] = int(parts[0]) << 10
    return values


class PageCache:
    """Pages of one file that the kernel keeps: the first `held` bytes, if it has not
    dropped any. The file is sparse; reading its holes fills the cache all the same."""

    def __init__(self, path, largest):
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        os.ftruncate(self._descriptor, largest)
        self._buffer = bytearray(STEP)

    def hold(self, size):
        """Reads the first `size` bytes, and drops the rest."""
        size -= size % STEP
        os.posix_fadvise(self._descriptor, size, 0, os.POSIX_FADV_DONTNEED)
        for offset in range(0, size, STEP):
            os.preadv(self._descriptor, [self._buffer], offset)

    def close(self):
        self.hold(0)
        os.close(self._descriptor)


class AnonymousMemory:
    """Memory of this process that is really there."""

    def __init__(self, size):
        self._map = None
        if size > 0:
            populate = getattr(mmap, "MAP_POPULATE", 0x8000)
            self._map = mmap.mmap(
                -1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | populate)

    def close(self):
        if self._map is not None:
            self._map.close()
            self._map = None
