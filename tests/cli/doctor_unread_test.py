"""`governor doctor` says of nothing that it did not read that it is well."""

import fcntl
import os
import shutil
import struct
import subprocess
import unittest

from tests.cli.doctor_case import DoctorTestCase, GOVERNOR
from tests.cli.host_tree import GIB

# Of them nothing is read below the root.
NOT_OF_THE_ROOT = {"host_driver", "device_0", "device_memory", "virtual_memory",
                   "nvml", "machine_record"}
RECORD_HEADER = 64


class UnreadTest(DoctorTestCase):

    def empty_root(self):
        shutil.rmtree(self.root)
        os.makedirs(self.root)

    def test_of_an_empty_root_nothing_is_ok(self):
        self.empty_root()
        found = self.findings()
        for name, finding in found.items():
            if name not in NOT_OF_THE_ROOT:
                self.assertNotEqual(finding["state"], "ok", f"{name}: {finding}")
        self.assertIn("proc/self/cgroup", found["cgroup_limit"]["message"])
        self.assertIn("proc/vmstat", found["memory_pressure"]["message"])
        self.assertIn("proc/pressure/memory", found["memory_pressure"]["message"])
        self.assertIn("boot_baseline", found)

    def test_of_processes_that_cannot_be_seen_it_does_not_say_ok(self):
        self.assertEqual(self.findings()["largest_holders"]["state"], "ok")
        shutil.rmtree(os.path.join(self.root, "proc/1"))
        self.assertEqual(self.findings()["largest_holders"]["state"], "note")

    def test_pressure_is_judged_by_what_there_is(self):
        self.tree.remove("proc/vmstat")
        self.assertEqual(self.findings()["memory_pressure"]["message"], "none")
        self.tree.remove("proc/pressure/memory")
        found = self.findings()["memory_pressure"]
        self.assertEqual(found["state"], "lack")
        self.assertIn("not known", found["message"])

    def test_without_zones_free_memory_is_taken_for_movable(self):
        self.tree.remove("proc/zoneinfo")
        found = self.findings()["os_reserve"]
        self.assertEqual((found["state"], found["bytes"]), ("ok", 2 * GIB))
        self.tree.meminfo(MemAvailable=57 * GIB)
        found = self.findings()["os_reserve"]
        self.assertEqual((found["state"], found["bytes"]), ("lack", GIB))
        self.assertIn("proc/zoneinfo", found["message"])

    def test_a_limit_of_version_1_has_the_file_of_version_1(self):
        self.tree.write("proc/self/cgroup", "4:memory:/box\n")
        shutil.rmtree(os.path.join(self.root, "sys/fs/cgroup"))
        group = "sys/fs/cgroup/memory/box/memory."
        self.tree.write(group + "limit_in_bytes", f"{16 * GIB}\n")
        self.tree.write(group + "usage_in_bytes", "0\n")
        self.tree.write(group + "stat", "total_inactive_file 0\n")
        found = self.findings()["cgroup_limit"]
        self.assertIn("(version 1)", found["message"])
        self.assertIn("memory.limit_in_bytes", found["remedy"])
        self.assertNotIn("memory.max", found["remedy"])


class DeviceMemoryTest(DoctorTestCase):

    def test_whose_memory_it_is_and_why(self):
        found = self.findings()["device_memory"]["message"]
        self.assertIn("taken from the machine, because the device has no memory",
                      found)
        found = self.findings(GOVERNOR_HOST_DRIVER="h200")["device_memory"]["message"]
        self.assertIn("not the machine's, because the device has memory of its own",
                      found)


class CountTest(DoctorTestCase):

    def test_the_last_line_counts(self):
        self.doctor()  # keeps the boot baseline
        self.assertTrue(self.doctor().endswith("\n0 lacks, 0 notes\n"))
        self.tree.remove("proc/pressure/memory")
        self.assertTrue(self.doctor().endswith("\n1 lack, 0 notes\n"))
        self.tree.swap("/swapfile", GIB, 0)
        self.tree.cgroup(16 * GIB)
        self.assertTrue(self.doctor().endswith("\n1 lack, 2 notes\n"))
        report = self.doctor("--json")
        self.assertEqual((report["lacks"], report["notes"]), (1, 2))

    def test_help_says_the_exit_status(self):
        text = subprocess.run([GOVERNOR, "doctor", "--help"],
                              capture_output=True, text=True).stdout
        self.assertIn("Exit status: 0", text)


class MachineRecordTest(DoctorTestCase):

    def setUp(self):
        super().setUp()
        self.doctor()
        self.share = os.path.join(self.folder.name, "share")
        self.record = os.path.join(self.share, "machine_record")

    def remedy(self, **environment):
        found = self.findings(**environment)["machine_record"]
        self.assertEqual(found["state"], "lack")
        return found["remedy"]

    def test_garbage_is_removed(self):
        with open(self.record, "w") as file:
            file.write("garbage")
        self.assertIn(f"remove the file '{self.record}'", self.remedy())

    def test_of_a_full_one_somebody_leaves(self):
        with open(self.record, "r+b") as file:
            length = os.path.getsize(self.record) - RECORD_HEADER
            # What every tenant has of its own slot: a lock of its description.
            fcntl.fcntl(file, fcntl.F_OFD_SETLK, struct.pack(
                "hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, RECORD_HEADER, length, 0))
            self.assertIn("end some", self.remedy())

    def test_a_folder_that_cannot_be_used_is_replaced(self):
        path = os.path.join(self.folder.name, "file")
        with open(path, "w"):
            pass
        for folder in (path, "/proc/governor"):
            self.assertIn("GOVERNOR_SHARE_DIR to a folder",
                          self.remedy(GOVERNOR_SHARE_DIR=folder))


if __name__ == "__main__":
    unittest.main()
