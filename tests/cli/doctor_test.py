"""`governor doctor` on machines that are folders."""

import os
import shutil
import subprocess
import threading
import unittest

from tests.cli.doctor_case import DoctorTestCase, GOVERNOR
from tests.cli.host_tree import GIB, HostTree, MIB


class VanishedMemoryTest(DoctorTestCase):

    def machine(self, boot, free_gib, cached_gib=10):
        """What is neither free, cached nor anonymous is unaccounted."""
        self.tree.boot(boot)
        self.tree.meminfo(MemFree=free_gib * GIB, Cached=cached_gib * GIB,
                          MemAvailable=(free_gib + cached_gib) * GIB,
                          AnonPages=8 * GIB)

    def test_at19_memory_that_vanished_is_named(self):
        self.machine("boot-1", free_gib=102)
        first = self.findings()["unaccounted_memory"]
        self.assertEqual(first["state"], "note")
        self.assertIn("no boot baseline to compare", first["message"])
        self.assertIn("as on the last clean boot", self.doctor())
        self.machine("boot-1", free_gib=22)
        self.assertIn("unaccounted 80GiB since boot baseline", self.doctor())
        report = self.doctor("--json")
        self.assertEqual(report["vanished_bytes"], 80 * GIB)
        self.assertEqual(report["unaccounted_bytes"], 81 * GIB)

    def test_at19_who_may_have_taken_it_is_named(self):
        self.machine("boot-1", free_gib=102)
        for pid in range(1, 8):
            self.tree.process(pid, f"program-{pid}", pid * GIB)
        self.assertEqual(self.findings()["largest_holders"]["state"], "ok")
        self.machine("boot-1", free_gib=22)
        found = self.findings()["largest_holders"]
        self.assertEqual(found["state"], "note")
        self.assertTrue(found["message"].startswith(
            "program-7 (7) 7GiB, program-6 (6) 6GiB, "), found["message"])
        self.assertEqual(
            [holder["rss_bytes"] // GIB for holder in self.doctor("--json")["holders"]],
            [7, 6, 5, 4, 3])

    def test_a_programs_name_does_not_reach_the_terminal_as_it_is(self):
        self.tree.process(7, "\x1b[2Jevil", GIB)
        self.assertIn("\\x1b[2Jevil (7)", self.doctor())

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

    def test_free_pages_in_the_lists_of_the_cpus_are_not_missed(self):
        self.machine("boot-1", free_gib=102)
        self.doctor()
        self.machine("boot-1", free_gib=92)
        self.assertEqual(self.doctor("--json")["vanished_bytes"], 10 * GIB)
        self.tree.zoneinfo(per_cpu=10 * GIB)
        self.assertEqual(self.doctor("--json")["vanished_bytes"], 0)

    def test_another_machines_baseline_is_not_this_ones(self):
        self.machine("boot-1", free_gib=102)
        self.doctor()
        kept = os.listdir(os.path.join(self.state, "governor"))
        self.assertEqual(len(kept), 1)
        self.assertNotEqual(kept, ["boot_baseline"])

    def test_a_masked_proc_is_said(self):
        shutil.rmtree(self.root)
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
        self.assertIsNone(self.doctor("--json")["vanished_bytes"])
        with open(path) as file:
            self.assertEqual(file.read().split()[0], "boot-1")
        self.assertEqual(self.doctor("--json")["vanished_bytes"], 0)


class FindingsTest(DoctorTestCase):

    def test_of_a_quiet_machine_all_is_well(self):
        self.doctor()  # keeps the boot baseline
        for name, finding in self.findings().items():
            self.assertEqual(finding["state"], "ok", f"{name}: {finding}")

    def test_the_table_has_what_json_has(self):
        self.tree.swap("/swapfile", 16 * GIB, 3 * GIB)
        self.doctor()  # keeps the boot baseline
        text = self.doctor()
        for finding in self.doctor("--json")["findings"]:
            for part in ("message", "cost", "remedy"):
                self.assertIn(finding[part], text)
        self.assertRegex(text, r"(?m)^note  swap {19}16GiB, 3GiB used")
        self.assertRegex(text, r"(?m)^ {8}remedy {15}nothing needs to be done")

    def test_at29_little_memory_and_broken_up_memory_are_two_causes(self):
        self.tree.meminfo(MemFree=2 * GIB, MemAvailable=5 * GIB, AnonPages=108 * GIB)
        self.tree.buddyinfo(small=GIB, huge=GIB)
        little = self.findings()
        self.assertEqual(little["os_reserve"]["state"], "lack")
        self.assertEqual(little["os_reserve"]["bytes"], 3 * GIB)
        self.assertIn("MemAvailable is 5GiB", little["os_reserve"]["message"])
        self.assertEqual(little["contiguous_memory"]["state"], "ok")
        self.assertEqual(little["largest_holders"]["state"], "note")

        self.tree.meminfo()
        self.tree.buddyinfo(small=50 * GIB, huge=0)
        broken = self.findings()
        self.assertEqual(broken["os_reserve"]["state"], "ok")
        self.assertEqual(broken["contiguous_memory"]["state"], "lack")
        self.assertIn("60GiB is available, and 0B of it",
                      broken["contiguous_memory"]["message"])
        self.assertNotEqual(broken["contiguous_memory"]["remedy"],
                            little["os_reserve"]["remedy"])

    def test_at29_a_full_page_cache_is_neither(self):
        self.tree.meminfo(MemFree=200 * MIB)
        self.tree.buddyinfo(small=100 * MIB, huge=100 * MIB)
        found = self.findings()
        self.assertEqual(found["os_reserve"]["state"], "ok")
        self.assertEqual(found["contiguous_memory"]["state"], "note")

    def test_the_reserve_is_as_declared(self):
        self.assertEqual(self.findings()["os_reserve"]["bytes"], 52 * GIB)
        found = self.findings(GOVERNOR_OS_RESERVE="61GiB")["os_reserve"]
        self.assertEqual((found["state"], found["bytes"]), ("lack", GIB))

    def test_swap_used_is_not_pressure(self):
        self.assertIn("none", self.findings()["swap"]["message"])
        self.tree.swap("/swapfile", 16 * GIB, 15 * GIB)
        found = self.findings()
        self.assertEqual(found["swap"]["bytes"], 15 * GIB)
        self.assertNotIn("zram", found["swap"]["message"])
        self.assertEqual(found["memory_pressure"]["message"], "none")
        self.tree.swap("/dev/zram0", 8 * GIB, 0)
        self.assertIn("zram", self.findings()["swap"]["message"])

    def test_swap_in_is_pressure(self):
        done = threading.Event()

        def swap_in():
            path = os.path.join(self.root, "proc/vmstat")
            with open(path) as file:
                text = file.read()
            zero = f"pswpin {0:020}"
            count = 0
            with open(path, "r+") as file:
                while not done.is_set():
                    count += 10_000  # pages; the judge believes no 16 TiB a second
                    file.seek(0)
                    file.write(text.replace(zero, f"pswpin {count:020}"))
                    file.flush()

        swapping = threading.Thread(target=swap_in)
        swapping.start()
        self.addCleanup(swapping.join)
        self.addCleanup(done.set)
        # A thread may be kept from running for as long as doctor looks.
        for _ in range(20):
            found = self.findings()["memory_pressure"]
            if found["state"] != "ok":
                break
        self.assertIn("swap-in", found["message"])

    def test_psi(self):
        self.assertIn("2.5 s since boot, all for 1.5 s", self.findings()["psi"]["message"])
        self.tree.remove("proc/pressure/memory")
        found = self.findings()
        self.assertEqual(found["psi"]["state"], "lack")
        self.assertIn("psi=1", found["psi"]["remedy"])
        self.assertNotIn("unread_source", found)

    def test_a_cgroups_limit_cuts_a_budget_above_it(self):
        self.tree.cgroup(16 * GIB, used=GIB)
        found = self.findings()["cgroup_limit"]
        self.assertEqual((found["state"], found["bytes"]), ("note", 16 * GIB))
        self.assertIn("'/box' (version 2), 1GiB used", found["message"])
        self.assertIn("cuts a budget above it, as the default of 113GiB",
                      found["cost"])
        below = self.findings(GOVERNOR_BUDGET="15GiB")["cgroup_limit"]
        self.assertNotIn("cuts", below["cost"])

    def test_strict_overcommit(self):
        self.tree.write("proc/sys/vm/overcommit_memory", "2\n")
        found = self.findings()["overcommit"]
        self.assertEqual((found["state"], found["bytes"]), ("lack", 40 * GIB))

    def test_transparent_huge_pages(self):
        self.tree.huge_pages("enabled", "always madvise [never]")
        self.assertEqual(self.findings()["transparent_huge_pages"]["state"], "note")
        self.tree.huge_pages("enabled", "[always] madvise never")
        self.assertEqual(self.findings()["transparent_huge_pages"]["state"], "ok")
        self.tree.huge_pages("defrag", "[always] defer defer+madvise madvise never")
        self.assertEqual(self.findings()["transparent_huge_pages"]["message"],
                         "always, defrag always")

    def test_watermarks(self):
        self.tree.write("proc/sys/vm/min_free_kbytes", f"{4 << 20}\n")
        found = self.findings()["watermarks"]
        self.assertEqual((found["state"], found["bytes"]), ("lack", 4 * GIB))
        self.tree.write("proc/sys/vm/min_free_kbytes", "67584\n")
        self.tree.zoneinfo(high=6 * GIB)
        self.assertIn("boosted by 18GiB", self.findings()["watermarks"]["message"])

    def test_memory_that_is_set_aside(self):
        self.tree.meminfo(CmaFree=9 * GIB)
        self.assertIn("kho=off", self.findings()["cma"]["remedy"])
        self.tree.meminfo(CmaTotal=10 * GIB, CmaFree=9 * GIB)
        self.assertEqual(self.findings()["cma"]["state"], "note")
        self.tree.meminfo(Hugetlb=4 * GIB, HugePages_Total=2048, HugePages_Free=2048)
        self.assertEqual(self.findings()["huge_page_pools"]["bytes"], 4 * GIB)
        self.assertEqual(self.findings()["huge_page_pools"]["state"], "lack")
        self.tree.meminfo(Unevictable=62 * GIB, Mlocked=61 * GIB)
        self.assertEqual(self.findings()["locked_memory"]["bytes"], 62 * GIB)
        self.tree.meminfo()
        self.tree.vmstat(nr_foll_pin_acquired=GIB)
        self.assertIn("is pinned", self.findings()["locked_memory"]["message"])
        self.tree.zoneinfo(movable_free=3 * GIB, per_cpu=375 * MIB)
        found = self.findings()
        self.assertEqual(found["movable_zone"]["bytes"], 3 * GIB)
        self.assertEqual(found["lists_of_the_cpus"]["bytes"], 375 * MIB)

    def test_nothing_is_said_of_what_is_not_there(self):
        found = self.findings()
        for name in ("cma", "huge_page_pools", "locked_memory", "movable_zone",
                     "lists_of_the_cpus", "driver_pools", "unread_source",
                     "masked_counters"):
            self.assertNotIn(name, found)

    def test_drivers_from_590_on_keep_what_was_released(self):
        self.tree.nvidia("580.95.05", pools=529)
        self.assertNotIn("driver_pools", self.findings())
        self.tree.nvidia("590.48.01", pools=529)
        self.assertIn("driver 590.48.01 keeps",
                      self.findings()["driver_pools"]["message"])
        self.tree.nvidia("590.48.01", pools=0)
        self.assertEqual(self.findings()["driver_pools"]["state"], "ok")

    def test_each_source_that_cannot_be_read_is_named(self):
        for path, cost in (("proc/buddyinfo", "contiguous"),
                           ("proc/zoneinfo", "no driver can have"),
                           ("proc/vmstat", "PSI alone"),
                           ("proc/swaps", "of swap")):
            with self.subTest(path=path):
                tree = HostTree(self.root)
                tree.remove(path)
                found = self.findings()["unread_source"]
                self.assertIn(path, found["message"])
                self.assertIn(cost, found["cost"])
        tree.write("proc/meminfo", "MemTotal: 99999999999999999999 kB\n")
        found = self.findings()
        self.assertEqual(found["os_reserve"]["state"], "lack")
        self.assertIn("host_unknown", found["os_reserve"]["cost"])

    def test_hostile_settings_are_not_believed(self):
        self.tree.write("proc/sys/vm/overcommit_memory", "two\n")
        self.tree.write("proc/sys/vm/min_free_kbytes", "99999999999999999999\n")
        self.tree.huge_pages("enabled", "]always[")
        self.tree.huge_pages("defrag", "[" + "x" * 100_000)
        self.tree.write("proc/driver/nvidia/version", "590 .9 590.x 99999999999999999999.1\n")
        found = self.findings()
        for name in ("overcommit", "watermarks", "transparent_huge_pages",
                     "driver_pools"):
            self.assertNotIn(name, found)

    def test_a_cgroups_name_does_not_reach_the_terminal_as_it_is(self):
        self.tree.write("proc/self/cgroup", "0::/\x1b[2Jbox\n")
        self.assertNotIn("\x1b", self.doctor())
        self.assertIn("proc/self/cgroup", self.findings()["unread_source"]["message"])

    def test_a_root_that_is_not_there_is_said(self):
        shutil.rmtree(self.root)
        result = subprocess.run(
            [GOVERNOR, "doctor", "--driver", "host", "--root", self.root],
            env={"PATH": "/usr/bin:/bin", "XDG_STATE_HOME": self.state},
            capture_output=True, text=True)
        self.assertEqual(result.returncode, 1)
        self.assertIn(self.root, result.stderr)

    def test_the_machine_record(self):
        found = self.findings()["machine_record"]
        self.assertEqual(found["state"], "ok")
        self.assertIn("with 0 other tenants", found["message"])
        path = os.path.join(self.folder.name, "file")
        with open(path, "w") as file:
            file.write("in the way")
        found = self.findings(GOVERNOR_SHARE_DIR=path)["machine_record"]
        self.assertEqual(found["state"], "lack")
        self.assertIn(path, found["message"])

    def test_what_the_device_lacks_is_a_finding(self):
        self.assertEqual(self.findings()["virtual_memory"]["state"], "ok")
        self.assertEqual(self.findings()["nvml"]["state"], "ok")
        found = self.findings(GOVERNOR_HOST_DRIVER="old")["virtual_memory"]
        self.assertEqual(found["state"], "lack")


if __name__ == "__main__":
    unittest.main()
