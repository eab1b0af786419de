"""`governor doctor` on machines that are folders: memory that nobody accounts for."""

import json
import os
import subprocess
import tempfile
import unittest

GOVERNOR = os.path.join(
    os.environ["TEST_SRCDIR"], "governor", "governor", "cli", "governor")

GIB = 1 << 30
KIB = 1 << 10


class DoctorTest(unittest.TestCase):

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.root = os.path.join(self.folder.name, "root")
        self.state = os.path.join(self.folder.name, "state")

    def machine(self, boot, free_gib, cached_gib=10):
        """A DGX Spark's counters: what is neither free, cached nor anonymous, of
        121 GiB, is unaccounted."""
        os.makedirs(os.path.join(self.root, "proc/sys/kernel/random"), exist_ok=True)
        with open(os.path.join(self.root, "proc/meminfo"), "w") as file:
            for name, size in (("MemTotal", 121 * GIB), ("MemFree", free_gib * GIB),
                               ("MemAvailable", (free_gib + cached_gib) * GIB),
                               ("Cached", cached_gib * GIB), ("AnonPages", 8 * GIB)):
                file.write(f"{name}: {size // KIB:15} kB\n")
        with open(os.path.join(self.root, "proc/sys/kernel/random/boot_id"), "w") as f:
            f.write(boot + "\n")

    def doctor(self, *options, **environment):
        result = subprocess.run(
            [GOVERNOR, "doctor", "--driver", "host", "--root", self.root, *options],
            env={"PATH": "/usr/bin:/bin", "XDG_STATE_HOME": self.state, **environment},
            capture_output=True, text=True)
        self.assertEqual(result.returncode, 0, result.stderr)
        return json.loads(result.stdout) if "--json" in options else result.stdout

    def test_at19_memory_that_vanished_is_named(self):
        self.machine("boot-1", free_gib=102)
        self.assertIn("as on the last clean boot", self.doctor())
        self.machine("boot-1", free_gib=22)
        self.assertIn("unaccounted 80GiB since boot baseline", self.doctor())
        report = self.doctor("--json")
        self.assertEqual(report["vanished_bytes"], 80 * GIB)
        self.assertEqual(report["unaccounted_bytes"], 81 * GIB)

    def test_at19_a_reboot_that_did_not_help_does_not_hide_it(self):
        self.machine("boot-1", free_gib=102)
        self.doctor()
        self.machine("boot-2", free_gib=22)
        self.assertEqual(self.doctor("--json")["vanished_bytes"], 80 * GIB)
        self.machine("boot-3", free_gib=102)
        self.assertEqual(self.doctor("--json")["vanished_bytes"], 0)

    def test_at19_a_full_page_cache_is_not_missed(self):
        self.machine("boot-1", free_gib=102)
        self.doctor()
        self.machine("boot-1", free_gib=2, cached_gib=110)
        self.assertEqual(self.doctor("--json")["vanished_bytes"], 0)

    def test_another_machines_baseline_is_not_this_ones(self):
        self.machine("boot-1", free_gib=102)
        self.doctor()
        kept = os.listdir(os.path.join(self.state, "governor"))
        self.assertEqual(len(kept), 1)
        self.assertNotEqual(kept, ["boot_baseline"])

    def test_a_masked_proc_is_said(self):
        os.makedirs(self.root)
        report = self.doctor("--json")
        self.assertIsNone(report["unaccounted_bytes"])
        self.assertIn("no memory counters", self.doctor())

    def test_a_baseline_that_cannot_be_kept_is_said(self):
        self.machine("boot-1", free_gib=102)
        with open(self.state, "w") as file:
            file.write("in the way")
        self.assertIn("boot baseline cannot be kept", self.doctor())
        self.assertIn("no XDG_STATE_HOME", self.doctor(XDG_STATE_HOME=""))

    def test_a_damaged_baseline_is_replaced(self):
        self.machine("boot-1", free_gib=102)
        os.makedirs(os.path.join(self.state, "governor"))
        path = os.path.join(self.state, "governor",
                            "boot_baseline" + self.root.replace("/", "_"))
        with open(path, "wb") as file:
            file.write(b"\0" * 100_000)
        self.assertEqual(self.doctor("--json")["vanished_bytes"], 0)
        with open(path) as file:
            self.assertEqual(file.read().split()[0], "boot-1")


if __name__ == "__main__":
    unittest.main()
