"""AT-16: known amounts of memory, each in its own line of `governor stat`.

The machine is shared with others, whose memory comes and goes between two snapshots: a
round in which every line is right is looked for, and chance does not make one.
"""

import json
import os
import subprocess
import sys
import tempfile
import unittest

RUNFILES = os.path.join(os.environ["TEST_SRCDIR"], "governor")
GOVERNOR = os.path.join(RUNFILES, "governor/cli/governor")
KNOWN_MEMORY = os.path.join(RUNFILES, "tests/pressure/known_memory")

MIB = 1 << 20
SIZE = 256 * MIB
ROUNDS = 40

# What known_memory takes, and the line of host{} that it belongs in.
LINES = {
    "anonymous_bytes": "anonymous_bytes",
    "memory_file_bytes": "shared_memory_bytes",
    "locked_bytes": "mlocked_bytes",
    "dirty_file_bytes": "dirty_bytes",
    "huge_page_bytes": "hugetlb_bytes",
}
PARTS = ("free_bytes", "per_cpu_free_bytes", "evictable_bytes", "dirty_bytes",
         "anonymous_bytes", "shared_memory_bytes", "mlocked_bytes", "hugetlb_bytes",
         "slab_bytes", "kernel_bytes", "residual_bytes")


class StatTest(unittest.TestCase):

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.share = folder.name

    def host(self):
        result = subprocess.run(
            [GOVERNOR, "stat", "--json", "--driver", "host"],
            env={"PATH": "/usr/bin:/bin", "GOVERNOR_SHARE_DIR": self.share},
            capture_output=True, text=True)
        self.assertEqual(result.returncode, 0, result.stderr)
        return json.loads(result.stdout)["host"]

    def growth(self):
        """By how much each kind was taken, and by how much its line grew."""
        before = self.host()
        with subprocess.Popen([KNOWN_MEMORY, str(SIZE)], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True) as holder:
            taken = json.loads(holder.stdout.readline())
            after = self.host()
            holder.stdin.close()
        self.assertEqual(sum(after[part] for part in PARTS), after["total_bytes"])
        self.assertLessEqual(after["residual_bytes"], after["total_bytes"] // 50)
        return {kind: (taken[kind], after[line] - before[line])
                for kind, line in LINES.items() if taken[kind] is not None}

    def test_at16_each_kind_of_memory_is_in_its_own_line(self):
        for _ in range(ROUNDS):
            growth = self.growth()
            for kind in ("anonymous_bytes", "memory_file_bytes", "dirty_file_bytes"):
                self.assertIn(kind, growth)  # every machine has these
            wrong = {kind: (taken, grew) for kind, (taken, grew) in growth.items()
                     if abs(grew - taken) > max(taken // 100, 8 * MIB)}
            if not wrong:
                return
            print(f"taken, and grown by, in bytes: {wrong}", file=sys.stderr)
        self.fail(f"no round of {ROUNDS} in which every line is right")


if __name__ == "__main__":
    unittest.main()
