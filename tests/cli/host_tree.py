"""A machine's proc and sys in a folder, for `governor doctor --root`."""

import os

KIB = 1 << 10
MIB = 1 << 20
GIB = 1 << 30
PAGE = 4 * KIB


class HostTree:
    """A quiet machine of 121 GiB, 60 of it available, until told otherwise."""

    def __init__(self, root):
        self.root = root
        self.boot("boot-1")
        self.meminfo()
        self.vmstat()
        self.buddyinfo()
        self.zoneinfo()
        self.write("proc/pressure/memory",
                   "some avg10=0.00 avg60=0.00 avg300=0.00 total=2500000\n"
                   "full avg10=0.00 avg60=0.00 avg300=0.00 total=1500000\n")
        self.write("proc/swaps", SWAPS)
        self.write("proc/self/cgroup", "0::/box\n")
        self.write("sys/fs/cgroup/cgroup.controllers", "memory\n")
        self.cgroup("max")
        self.write("proc/sys/vm/overcommit_memory", "0\n")
        self.write("proc/sys/vm/min_free_kbytes", "67584\n")
        self.write("proc/sys/vm/watermark_boost_factor", "15000\n")
        self.process(1, "init", 8 * MIB)
        self.huge_pages("enabled", "always [madvise] never")
        self.huge_pages("defrag", "always defer defer+madvise [madvise] never")

    def write(self, path, text):
        path = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(text)

    def remove(self, path):
        os.remove(os.path.join(self.root, path))

    def boot(self, name):
        self.write("proc/sys/kernel/random/boot_id", name + "\n")

    def meminfo(self, **sizes):
        """Of the defaults, what is neither free, cached nor anonymous is none."""
        lines = {"MemTotal": 121 * GIB, "MemFree": 50 * GIB, "MemAvailable": 60 * GIB,
                 "Buffers": 0, "Cached": 11 * GIB, "SwapCached": 0,
                 "Active(anon)": 0, "Inactive(anon)": 60 * GIB, "Active(file)": 0,
                 "Inactive(file)": 11 * GIB, "Unevictable": 0, "Mlocked": 0,
                 "SwapTotal": 0, "SwapFree": 0, "Dirty": 0, "Writeback": 0,
                 "AnonPages": 60 * GIB, "Shmem": 0, "Slab": 0,
                 "CommitLimit": 60 * GIB, "Committed_AS": 20 * GIB, "CmaTotal": 0,
                 "CmaFree": 0, "Hugetlb": 0}
        text = "".join(f"{name + ':':16}{size // KIB:14} kB\n"
                       for name, size in {**lines, **sizes}.items()
                       if not name.startswith("HugePages"))
        for name in ("HugePages_Total", "HugePages_Free"):
            text += f"{name + ':':16}{sizes.get(name, 0):14}\n"
        self.write("proc/meminfo", text + "Hugepagesize:       2048 kB\n")

    def vmstat(self, **counts):
        lines = {"workingset_refault_anon": 0, "workingset_refault_file": 0,
                 "nr_foll_pin_acquired": 0, "nr_foll_pin_released": 0, "pswpin": 0,
                 "pswpout": 0, "allocstall_normal": 0, "pgmajfault": 0,
                 "pgsteal_direct": 0, "pgscan_direct": 0, "oom_kill": 0,
                 "compact_fail": 0}
        self.write("proc/vmstat", "".join(
            f"{name} {count:020}\n" for name, count in {**lines, **counts}.items()))

    def buddyinfo(self, small=5 * GIB, huge=45 * GIB):
        """Free memory in single pages, and in pieces of 4 MiB."""
        counts = [small // PAGE] + [0] * 9 + [huge // (4 * MIB)]
        self.write("proc/buddyinfo", "Node 0, zone   Normal "
                   + " ".join(f"{count:6}" for count in counts) + " \n")

    def zoneinfo(self, movable_free=0, per_cpu=0, high=100 * MIB):
        def zone(name, free, in_lists):
            return (f"Node 0, zone {name:>8}\n  pages free     {free // PAGE}\n"
                    f"        min      10\n        low      20\n"
                    f"        high     {high // PAGE}\n  pagesets\n    cpu: 0\n"
                    f"              count: {in_lists // PAGE}\n"
                    f"              high:  14\n")
        self.write("proc/zoneinfo", zone("Normal", 50 * GIB, per_cpu)
                   + zone("Movable", movable_free, 0))

    def swap(self, name, size, used):
        self.write("proc/swaps", SWAPS
                   + f"{name} file\t{size // KIB}\t\t{used // KIB}\t\t-2\n")

    def cgroup(self, limit, used=0):
        self.write("sys/fs/cgroup/box/memory.max", f"{limit}\n")
        self.write("sys/fs/cgroup/box/memory.current", f"{used}\n")
        self.write("sys/fs/cgroup/box/memory.stat", "inactive_file 0\n")

    def huge_pages(self, name, text):
        self.write(f"sys/kernel/mm/transparent_hugepage/{name}", text + "\n")

    def nvidia(self, version, pools):
        self.write("proc/driver/nvidia/version",
                   "NVRM version: NVIDIA UNIX Open Kernel Module for aarch64  "
                   f"{version}  Release Build  (a@b)  Thu Nov 13 2025\n"
                   "GCC version:  gcc version 13.3.0\n")
        self.write("proc/driver/nvidia/params",
                   f"ResmanDebugLevel: 4294967295\nEnableSystemMemoryPools: {pools}\n")

    def process(self, pid, name, resident):
        self.write(f"proc/{pid}/comm", name + "\n")
        pages = resident // os.sysconf("SC_PAGE_SIZE")
        self.write(f"proc/{pid}/statm", f"{pages * 2} {pages} 0 0 0 0 0\n")


SWAPS = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
