"""Records a pressure trace of this machine, ten readings a second.

record.py SECONDS                     records what goes on anyway
record.py SECONDS COMMAND ARGUMENT..  and starts a load, after the first second

Prints the lines of a trace (see pressure_trace.h): `expect` and `changes` are
added by hand. Counters are from the first reading on.
"""

import os
import subprocess
import sys
import time

MEMINFO = {
    'MemAvailable': 'available_kib',
    'MemFree': 'free_kib',
    'Active(file)': 'active_file_kib',
    'Inactive(file)': 'inactive_file_kib',
    'AnonPages': 'anonymous_kib',
    'SwapCached': 'swap_cached_kib',
    'SwapTotal': 'swap_total_kib',
    'SwapFree': 'swap_free_kib',
}
VMSTAT = {
    'pswpin': 'swapped_in',
    'pswpout': 'swapped_out',
    'workingset_refault_anon': 'refault_anonymous',
    'workingset_refault_file': 'refault_file',
    'pgscan_direct': 'scanned_direct',
    'pgsteal_direct': 'stolen_direct',
    'compact_fail': 'compaction_failures',
}


def read(path):
    with open(path, encoding='ascii') as file:
        return file.read()


def reading():
    gauges, counters = {}, {'stalls': 0}
    for line in read('/proc/meminfo').splitlines():
        name, value = line.split(':')
        if name in MEMINFO:
            gauges[MEMINFO[name]] = int(value.split()[0])
    for line in read('/proc/vmstat').splitlines():
        name, value = line.split()
        if name in VMSTAT:
            counters[VMSTAT[name]] = int(value)
        elif name.startswith('allocstall_'):
            counters['stalls'] += int(value)
    for line in read('/proc/pressure/memory').splitlines():
        kind, avg10, _, _, total = line.split()
        counters[kind + '_us'] = int(total.split('=')[1])
        gauges[kind + '_avg10'] = avg10.split('=')[1]
    return gauges, counters


def main():
    seconds, command = float(sys.argv[1]), sys.argv[2:]
    load = None
    begin = time.monotonic()
    _, zero = reading()
    shown = {}
    print(f'page_kib={os.sysconf("SC_PAGE_SIZE") // 1024}')
    while (now := time.monotonic()) < begin + seconds:
        gauges, counters = reading()
        values = {**gauges, **{k: v - zero[k] for k, v in counters.items()}}
        changed = {k: v for k, v in values.items() if shown.get(k) != v}
        print(f'at_ms={round((now - begin) * 1000)}',
              *(f'{k}={v}' for k, v in changed.items()))
        shown = values
        if command and not load and now > begin + 1:
            load = subprocess.Popen(command)
        time.sleep(max(0, now + 0.1 - time.monotonic()))
    if load:
        load.terminate()
        load.wait()


if __name__ == '__main__':
    main()
