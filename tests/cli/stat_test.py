"""`governor stat` on a machine that is a folder, with a record or without."""

import fcntl
import json
import os
import struct
import subprocess
import tempfile
import unittest

from tests.cli.host_tree import GIB, HostTree

GOVERNOR = os.path.join(
    os.environ["TEST_SRCDIR"], "governor", "governor", "cli", "governor")
RECORD_HEADER = 64
PARTS = ("governed_bytes", "unmanaged_bytes", "other_processes_bytes", "os_bytes",
         "evictable_bytes", "free_bytes")


class StatTest(unittest.TestCase):

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.share = os.path.join(self.folder, "share")
        self.tree = HostTree(os.path.join(self.folder, "root"))

    def run_stat(self, *options, **environment):
        result = subprocess.run(
            [GOVERNOR, "stat", "--driver", "host", "--root", self.tree.root, *options],
            env={"PATH": "/usr/bin:/bin", "GOVERNOR_SHARE_DIR": self.share,
                 "GOVERNOR_HOST_DRIVER": "gb10,memory=121GiB", **environment},
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result

    def stat(self, *options, **environment):
        result = self.run_stat("--json", *options, **environment)
        stat = json.loads(result.stdout)
        self.assertEqual(sum(stat[part] for part in PARTS), stat["total_bytes"])
        return stat

    # --- masked counters

    def meminfo(self, *names):
        """Only these lines."""
        self.tree.meminfo()
        path = os.path.join(self.tree.root, "proc/meminfo")
        with open(path) as file:
            lines = [line for line in file if line.split(":")[0] in names]
        with open(path, "w") as file:
            file.writelines(lines)

    def test_of_a_machine_that_says_all_nothing_is_estimated(self):
        stat = self.stat()
        # A context that is not there is counted, and free in truth.
        self.assertEqual(stat["free_bytes"] + stat["unmanaged_bytes"], 50 * GIB)
        self.assertEqual(stat["estimated"], [])

    def test_what_a_masked_meminfo_does_not_tell_is_estimated(self):
        for names in (("MemTotal", "MemFree"),
                      ("MemTotal", "MemFree", "Cached", "AnonPages", "Dirty",
                       "Writeback")):
            with self.subTest(names=names):
                self.meminfo(*names)
                stat = self.stat()
                self.assertIsNone(stat["host"])
                self.assertEqual(stat["headroom_bytes"], 0)
                for part in PARTS:
                    self.assertEqual(
                        part in stat["estimated"],
                        part not in ("governed_bytes", "unmanaged_bytes"), part)
                text = self.run_stat().stdout
                self.assertRegex(text, r"= free +\S+  estimated\n")
                self.assertIn("limited by what is not known of the machine", text)

    def test_what_missing_lines_would_tell_is_estimated(self):
        self.meminfo("MemTotal", "MemFree", "MemAvailable", "Dirty", "Writeback")
        stat = self.stat()
        self.assertEqual(stat["free_bytes"] + stat["unmanaged_bytes"], 50 * GIB)
        for part in ("other_processes_bytes", "evictable_bytes", "os_bytes"):
            self.assertIn(part, stat["estimated"])
        self.assertNotIn("free_bytes", stat["estimated"])

    # --- explained

    def test_it_explains_whose_memory_it_is(self):
        stat = self.stat("--explain")
        self.assertIs(stat["takes_host_memory"], True)
        self.assertIn("no memory of its own", stat["why_host_memory"])
        self.assertIn("device memory: taken from the machine, because",
                      self.run_stat("--explain").stdout)
        stat = self.stat("--explain", GOVERNOR_HOST_DRIVER="h200,memory=8GiB")
        self.assertIs(stat["takes_host_memory"], False)
        self.assertNotIn("takes_host_memory", self.stat())

    def test_the_table_has_what_tenants_have_in_flight(self):
        self.assertRegex(self.run_stat().stdout,
                         r"governor \(\d+\) .*, in flight \d")

    # --- without the record

    def alone(self, **environment):
        """Shown all the same, and nothing is left behind."""
        aside = os.path.join(self.folder, "aside")
        os.makedirs(aside, exist_ok=True)
        result = self.run_stat("--json", "--explain", TMPDIR=aside, **environment)
        stat = json.loads(result.stdout)
        self.assertEqual(stat["host"]["total_bytes"], 121 * GIB)
        self.assertEqual(len(stat["tenants"]), 1)
        self.assertIn("other tenants are not shown", result.stderr)
        self.assertEqual(os.listdir(aside), [])
        return result.stderr

    def test_a_folder_that_cannot_be_written_does_not_hide_the_machine(self):
        path = os.path.join(self.folder, "file")
        with open(path, "w"):
            pass
        for folder in (path, "/proc/governor"):
            self.assertIn(folder, self.alone(GOVERNOR_SHARE_DIR=folder))

    def test_a_damaged_record_does_not_hide_the_machine(self):
        self.stat()
        path = os.path.join(self.share, "machine_record")
        with open(path, "w") as file:
            file.write("garbage")
        self.assertIn(f"remove the file: {path}", self.alone())
        with open(path) as file:
            self.assertEqual(file.read(), "garbage")

    def test_a_full_record_does_not_hide_the_machine(self):
        self.assertEqual(self.run_stat().stderr, "")
        path = os.path.join(self.share, "machine_record")
        with open(path, "r+b") as file:
            length = os.path.getsize(path) - RECORD_HEADER
            # What every tenant has of its own slot: a lock of its description.
            fcntl.fcntl(file, fcntl.F_OFD_SETLK, struct.pack(
                "hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, RECORD_HEADER, length, 0))
            self.assertIn("full", self.alone())


if __name__ == "__main__":
    unittest.main()
