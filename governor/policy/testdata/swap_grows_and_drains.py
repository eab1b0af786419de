"""Prints swap_grows_and_drains.meminfo: ten minutes of a machine of 121.7 GiB.

A model, with no chance in it. Swap of 16 GiB is turned on after a minute; the
cold part of what processes hold goes there; they end, so that swap drains and
nothing else changes; swap is turned off after nine minutes. Meanwhile the page
cache fills and empties, which moves MemFree and Cached and leaves MemAvailable.
Sizes in kB, as in /proc/meminfo.
"""

GIB = 1 << 20
TOTAL = 127600592
KERNEL = 3 * GIB  # and what is below the watermarks
GPU = 70 * GIB  # held by the driver: in no line


def row(second):
    swap_on = 60 <= second < 540
    out = min(max(second - 90, 0) * GIB // 12, 12 * GIB)  # from 90 s to 234 s
    ended = min(max(second - 300, 0) * GIB // 12, 12 * GIB)  # from 300 s
    used = out - ended if swap_on else 0
    processes = 34 * GIB - out
    room = TOTAL - KERNEL - GPU - processes
    wave = abs(second % 120 - 60)  # 60 to 0 to 60
    cached = room * (10 + wave) // 80
    dirty = cached // 50
    return {
        'MemTotal': TOTAL,
        'MemFree': room - cached,
        'MemAvailable': room,
        'Buffers': cached // 100,
        'Cached': cached,
        'Dirty': dirty,
        'Writeback': dirty // 10,
        'SwapTotal': 16 * GIB if swap_on else 0,
        'SwapFree': 16 * GIB - used if swap_on else 0,
    }


def main():
    print('second', *row(0))
    for second in range(0, 601, 2):
        print(second, *row(second).values())


if __name__ == '__main__':
    main()
