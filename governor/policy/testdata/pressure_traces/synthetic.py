"""Writes the synthetic traces into the folder given: synthetic.py FOLDER.

Models without chance: a list of stretches, each with its rates. What the rates
are like is taken from the recorded traces and docs/pressure.md.
"""

import os
import sys

GIB = 1 << 20  # in KiB
PAGE = 4
COUNTERS = ('some_us', 'full_us', 'stalls', 'swapped_in', 'swapped_out',
            'refault_anonymous', 'refault_file', 'scanned_direct',
            'stolen_direct', 'compaction_failures')
START = {
    'available_kib': 60 * GIB, 'free_kib': 40 * GIB,
    'active_file_kib': 12 * GIB, 'inactive_file_kib': 8 * GIB,
    'anonymous_kib': 20 * GIB, 'swap_cached_kib': 0,
    'swap_total_kib': 16 * GIB, 'swap_free_kib': 16 * GIB,
}
for counter in COUNTERS:
    START[counter] = 0


def pages(mib):
    return mib * 1024 // PAGE


class Trace:
    """The lines of one trace."""

    def __init__(self, words, expect, changes, step_ms=100, **start):
        self.lines = [f'# {line}' for line in words.split('\n')]
        self.lines += [f'expect {line}' for line in expect.split('\n')]
        self.lines += [f'changes {changes}', 'page_kib=4']
        self.values = {**START, **start}
        self.step_ms = step_ms
        self.at_ms = 0
        self.shown = {}
        self.show()

    def show(self):
        changed = (f'{k}={round(v)}' for k, v in self.values.items()
                   if self.shown.get(k) != round(v))
        self.lines.append(' '.join([f'at_ms={self.at_ms}', *changed]))
        self.shown = {k: round(v) for k, v in self.values.items()}

    def run(self, seconds, **rates):
        """Goes on for so long; counters and gauges grow by so much a second."""
        for _ in range(round(seconds * 1000 / self.step_ms)):
            self.at_ms += self.step_ms
            for key, rate in rates.items():
                self.values[key] += rate * self.step_ms / 1000
            self.show()
        return self

    def set(self, **values):
        self.values.update(values)
        return self

    def write(self, path):
        with open(path, 'w', encoding='ascii') as file:
            file.write('\n'.join(self.lines) + '\n')


def stalled(percent):
    return {'some_us': percent * 10000, 'full_us': percent * 9000}


def swapping(mib, percent):
    """A working set in swap: pages come and as many go."""
    return {'swapped_in': pages(mib), 'refault_anonymous': pages(mib),
            'swapped_out': pages(mib) // 3, **stalled(percent)}


def oscillating():
    trace = Trace(
        'Swap-in of 30 MiB/s for 0.8 s, then none for 1.2 s, for 30 s: on and\n'
        'off around the limit. One rise, and one fall at the end of it.',
        '0 900 none\n2000 34000 some swap-in\n37500 45000 none', 2)
    trace.run(1)
    for _ in range(15):
        trace.run(0.8, swapped_in=pages(30), anonymous_kib=30 * 1024,
                  **stalled(4)).run(1.2)
    return trace.run(14)


def settling():
    return Trace(
        'A server starts on a machine that has its pages in swap: 120 MiB/s come\n'
        'back for 2 s and stay, with stalls; then it runs.',
        '0 900 none\n1500 7500 some swap-in\n9000 15000 none', 2,
        swap_free_kib=14 * GIB).run(1).run(
            2, swapped_in=pages(120), refault_anonymous=pages(120),
            anonymous_kib=120 * 1024, available_kib=-120 * 1024,
            free_kib=-120 * 1024, **stalled(30)).run(12)


def fragmentation():
    return Trace(
        '40 GiB are available, in small pieces: allocations of huge pages compact\n'
        'in vain and stand still for 30 % of the time. Nothing in use goes.',
        '0 900 none\n2000 11000 some compaction\n17000 20000 none', 2,
        available_kib=40 * GIB).run(1).run(
            10, stalls=20, compaction_failures=60, **stalled(30)).run(9)


def leak():
    trace = Trace(
        'A process grows by 1.5 GiB/s. While there is memory, nothing hurts; then\n'
        'the page cache that is in use goes; then anonymous memory in use, too.',
        '0 14900 none\n15600 20000 some refaults\n21000 27000 critical', 2,
        available_kib=24 * GIB, free_kib=4 * GIB, anonymous_kib=90 * GIB)
    growth = {'anonymous_kib': 1.5 * GIB, 'available_kib': -1.5 * GIB}
    trace.run(2.5, free_kib=-1.5 * GIB, **growth)
    trace.run(12.5, inactive_file_kib=-0.6 * GIB, active_file_kib=-0.9 * GIB,
              **growth)
    trace.run(5, refault_file=pages(300), scanned_direct=pages(40),
              stolen_direct=pages(30), stalls=40, **stalled(6))
    trace.run(7, refault_file=pages(400), scanned_direct=pages(600),
              stolen_direct=pages(90), stalls=400, **swapping(90, 45))
    return trace


def memfree_jumps():
    trace = Trace(
        'Files of 20 GiB are read and deleted, again and again: MemFree jumps by\n'
        '20 GiB either way, MemAvailable hardly moves.', '0 24000 none', 0)
    for _ in range(6):
        trace.run(2, free_kib=-10 * GIB, inactive_file_kib=10 * GIB,
                  available_kib=-8 * 1024)
        trace.set(free_kib=40 * GIB, inactive_file_kib=8 * GIB,
                  available_kib=60 * GIB).run(2)
    return trace


def swap_drains():
    return Trace(
        'After pressure: 13 GiB are in swap and stay there; the processes that\n'
        'own them end, one by one. Nothing comes in.', '0 20000 none', 0,
        swap_free_kib=3 * GIB).run(5).run(10, swap_free_kib=1 * GIB).run(5)


def driver_reclaim():
    return Trace(
        'A driver takes 10 GiB in 2.8 s while clean page cache fills the memory:\n'
        'it reclaims 3.6 GiB/s itself and gets nearly all that it looks at. Only\n'
        'the task that allocates waits.', '0 20000 none', 0,
        free_kib=222 * 1024, inactive_file_kib=20 * GIB).run(2).run(
            2.8, stalls=900, scanned_direct=pages(3700),
            stolen_direct=pages(3600), available_kib=-3.6 * GIB,
            inactive_file_kib=-3.6 * GIB, **stalled(8)).run(15)


def stall_spike():
    trace = Trace(
        'Read every 10 ms: one stall of 15 ms.', '0 5000 none', 0, step_ms=10)
    trace.run(1).run(0.01, some_us=1e6, full_us=1e6)
    return trace.run(0.01, some_us=5e5, full_us=5e5).run(3.98)


def counters_reset():
    trace = Trace(
        'Counters go back to zero twice, once on a quiet machine, once under\n'
        'pressure; and jump as no memory can. The level does not move for it.',
        '0 7900 none\n9000 15900 critical\n30000 36000 none', 4,
        swapped_in=pages(900000), some_us=9e9, full_us=8e9,
        refault_file=pages(700000))
    zero = {counter: 0 for counter in COUNTERS}
    trace.run(3).set(**zero).run(2).set(swapped_in=1 << 52).run(3)
    trace.run(4, **swapping(150, 40)).set(**zero)
    return trace.run(4, **swapping(150, 40)).run(20)


def main():
    for make in (oscillating, settling, fragmentation, leak, memfree_jumps,
                 swap_drains, driver_reclaim, stall_spike, counters_reset):
        make().write(os.path.join(sys.argv[1], make.__name__ + '.trace'))


if __name__ == '__main__':
    main()
