"""The loads under which record.py records. Each runs until it is ended.

load.py cold      300 MiB of 1 GiB go to swap and are not touched again, while
                  the rest is read over and over (swap must be on)
load.py hot MIB   reads so much over and over: run it in a memory cgroup with
                  less room than that
load.py back RATE GROUP
                  450 MiB of 700 MiB go to swap, by lowering the limit of the
                  memory cgroup (version 1) that it is in, and come back, so
                  many MB a second (0: as fast as they can)
load.py scan PATH reads a file over and over, in a memory cgroup with less room
load.py files DIR reads the files below a folder, once
"""

import mmap
import os
import sys
import time

MIB = 1 << 20
PAGE = mmap.PAGESIZE
PAGEOUT = 21  # MADV_PAGEOUT, which Python has no name for


def filled(size):
    memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    memory.madvise(mmap.MADV_NOHUGEPAGE)
    block = os.urandom(MIB)
    for at in range(0, size, MIB):
        memory[at:at + MIB] = block
    return memory


def touch(memory, begin, end):
    for at in range(begin, end, MIB):
        memory[at:at + MIB:PAGE]  # pylint: disable=pointless-statement


def cold():
    memory = filled(1024 * MIB)
    memory.madvise(PAGEOUT, 0, 300 * MIB)
    while True:
        touch(memory, 300 * MIB, 1024 * MIB)
        time.sleep(0.01)


def hot():
    memory = filled(int(sys.argv[2]) * MIB)
    while True:
        touch(memory, 0, len(memory))


def back():
    memory = filled(700 * MIB)
    limit = os.path.join(sys.argv[3], 'memory.limit_in_bytes')
    for size in (250 * MIB, 2048 * MIB):
        with open(limit, 'w', encoding='ascii') as file:
            file.write(str(size))
    time.sleep(2)
    rate = float(sys.argv[2]) * 1e6
    begin = time.monotonic()
    for at in range(0, 700 * MIB, MIB):
        touch(memory, at, at + MIB)
        if rate:
            time.sleep(max(0, begin + at / rate - time.monotonic()))
    time.sleep(3600)


def scan():
    with open(sys.argv[2], 'rb', buffering=0) as file:
        while True:
            while file.read(MIB):
                pass
            file.seek(0)


def files():
    for folder, _, names in os.walk(sys.argv[2]):
        for name in names:
            path = os.path.join(folder, name)
            if not os.path.isfile(path) or os.path.islink(path):
                continue
            with open(path, 'rb') as file:
                while file.read(MIB):
                    pass
    time.sleep(3600)


if __name__ == '__main__':
    {'cold': cold, 'hot': hot, 'back': back, 'scan': scan,
     'files': files}[sys.argv[1]]()
