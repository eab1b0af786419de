"""`governor rehearse`: phases against a budget, with sizes given or recorded."""

import json
import os
import subprocess
import tempfile
import unittest

from tests.cli.host_tree import HostTree

GOVERNOR = os.path.join(
    os.environ["TEST_SRCDIR"], "governor", "governor", "cli", "governor")

GIB = 1 << 30


class RehearseTest(unittest.TestCase):

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.root = os.path.join(self.folder, "root")  # no cgroup, and so no limit
        os.makedirs(self.root)

    def rehearse(self, *arguments, status=0, **environment):
        result = subprocess.run(
            [GOVERNOR, "rehearse", "--root", self.root, *arguments],
            env={"PATH": "/usr/bin:/bin", "GOVERNOR_DRIVER": "host",
                 "GOVERNOR_HOST_DRIVER": "gb10,memory=64GiB",
                 "XDG_CONFIG_HOME": self.folder, **environment},
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
        self.assertEqual(result.returncode, status, result.stderr)
        return result

    def report(self, *arguments, **options):
        return json.loads(self.rehearse("--json", *arguments, **options).stdout)

    def test_phases_that_fit_add_up(self):
        report = self.report(
            "--budget", "40GiB", "--phase", "load=30GiB",
            "--phase", "serve=6GiB,reclaimable", "--phase", "capture=4GiB,transient")
        self.assertIs(report["fits"], True)
        self.assertEqual(report["budget_bytes"], 40 * GIB)
        self.assertEqual(report["allowance_bytes"], GIB)
        self.assertEqual(report["peak_bytes"], 40 * GIB)
        self.assertEqual(report["smallest_budget_bytes"], 37 * GIB)
        self.assertEqual(report["smallest_budget_unshrunk_bytes"], 41 * GIB)
        load, serve, capture = report["phases"]
        self.assertEqual(load["before_bytes"], GIB)
        self.assertEqual(load["after_bytes"], serve["before_bytes"])
        self.assertEqual(capture["during_bytes"], 40 * GIB)
        self.assertEqual(capture["after_bytes"], 37 * GIB)
        self.assertEqual(capture["shrinks"], [{"name": "serve", "bytes": GIB}])

    def test_one_that_does_not_fit_says_what_would(self):
        arguments = ("--budget", "33GiB", "--phase", "load=30GiB",
                     "--phase", "capture=4GiB,transient", "--phase", "serve=1GiB")
        result = self.rehearse(*arguments, status=3)
        self.assertIn("phase capture takes 4GiB", result.stderr)
        self.assertIn("at most 2GiB", result.stderr)
        self.assertIn("a budget of 35GiB (37580963840 bytes) would do",
                      result.stderr)
        self.assertIn("not reached", result.stdout)
        report = self.report(*arguments, status=3)
        self.assertIs(report["fits"], False)
        self.assertEqual([phase["reached"] for phase in report["phases"]],
                         [True, True, False])
        self.assertEqual(report["phases"][1]["shortfall_bytes"], 2 * GIB)
        # What it says would do does.
        self.rehearse("--budget", str(report["smallest_budget_bytes"]), *arguments[2:])

    def test_the_budget_is_the_devices_where_none_is_given(self):
        report = self.report("--phase", "load=50%")
        self.assertEqual(report["budget_bytes"], 56 * GIB)
        self.assertEqual(report["os_reserve_bytes"], 8 * GIB)
        self.assertEqual(report["phases"][0]["size_bytes"], 28 * GIB)
        report = self.report("--os-reserve", "20GiB", "--allowance", "2GiB",
                             "--phase", "load=1GiB")
        self.assertEqual(report["budget_bytes"], 44 * GIB)
        self.assertEqual(report["allowance_bytes"], 2 * GIB)

    def test_a_cgroups_smaller_limit_is_the_budget(self):
        HostTree(self.root).cgroup(8 * GIB)
        phases = ("--phase", "load=9GiB")
        for budget in (("--budget", "40GiB"), ("--budget", "50%"), ()):
            with self.subTest(budget=budget):
                report = self.report(*budget, *phases, status=3)
                self.assertEqual(report["budget_bytes"], 8 * GIB)
                self.assertEqual(report["limited_by"], "cgroup")
                self.assertGreater(report["declared_budget_bytes"], 8 * GIB)
        result = self.rehearse("--budget", "40GiB", *phases, status=3)
        self.assertIn("the cgroup's limit, below the budget of 40GiB", result.stdout)
        self.assertIn("a limit and a budget of 10GiB", result.stderr)
        report = self.report("--budget", "7GiB", "--phase", "load=1GiB")
        self.assertEqual(report["budget_bytes"], 7 * GIB)
        self.assertEqual(report["limited_by"], "budget")
        self.assertNotIn("declared_budget_bytes", report)
        # A card's memory is in no cgroup.
        report = self.report("--budget", "40GiB", *phases,
                             GOVERNOR_HOST_DRIVER="h200")
        self.assertEqual(report["budget_bytes"], 40 * GIB)

    def test_a_declared_budget_is_not_cut_by_the_default_reserve(self):
        phases = ("--phase", "load=50GiB")
        report = self.report("--budget", "95%", *phases)
        self.assertNotIn("os_reserve_bytes", report)
        self.assertEqual(report["budget_bytes"], 64 * GIB * 95 // 100)
        self.assertIn("lets 56GiB be granted",
                      self.rehearse("--budget", "95%", *phases).stdout)

    def test_without_a_place_for_recorded_phases_it_says_phases(self):
        stderr = self.rehearse("--budget", "8GiB", "--phase", "capture",
                               status=2, XDG_CONFIG_HOME="").stderr
        self.assertIn("no file of recorded phases", stderr)
        self.assertIn("capture=3GiB", stderr)
        self.assertNotIn("profiles:", stderr)

    def write_phases(self, text):
        os.makedirs(os.path.join(self.folder, "governor"), exist_ok=True)
        with open(os.path.join(self.folder, "governor", "phases.json"), "w") as file:
            file.write(text)

    def test_a_phase_without_a_size_takes_its_recorded_peak(self):
        name = self.device_name()
        self.write_phases(json.dumps({"version": 1, "phases": [
            {"name": "capture", "device": name, "driver": "host driver",
             "declared_bytes": 5, "measured_bytes": 2 * GIB},
            {"name": "capture", "device": "another", "driver": "host driver",
             "declared_bytes": 5, "measured_bytes": 9 * GIB}]}))
        report = self.report("--budget", "8GiB", "--phase", "capture,transient")
        self.assertEqual(report["phases"][0]["size_bytes"], 2 * GIB)
        self.assertIs(report["phases"][0]["recorded"], True)
        self.assertIs(report["phases"][0]["transient"], True)
        self.assertIn("as recorded", self.rehearse(
            "--budget", "8GiB", "--phase", "capture,transient").stdout)
        unknown = self.rehearse("--budget", "8GiB", "--phase", "warmup", status=2)
        self.assertIn("warmup=3GiB", unknown.stderr)
        self.write_phases("{")
        broken = self.rehearse("--budget", "8GiB", "--phase", "capture", status=2)
        self.assertIn("phases.json", broken.stderr)

    def device_name(self):
        """As the message about a missing record names it."""
        stderr = self.rehearse("--phase", "nothing", status=2).stderr
        return stderr.split("device ")[1].split(", driver ")[0]

    def test_wrong_usage_names_what_was_given(self):
        for phase in ["=3GiB", "load=3G", "load=-1GiB", "load=0GiB", "",
                      "load=1GiB,sometimes", "load=1GiB,transient,reclaimable",
                      "load=1GiB,", "lo\x1bad=1GiB", "x" * 64 + "=1GiB",
                      "load=18446744073709551615"]:
            with self.subTest(phase=phase):
                result = self.rehearse(
                    "--budget", "8GiB", "--phase", phase, status=2)
                self.assertNotIn("\x1b", result.stderr)
                self.assertIn("phase", result.stderr)
                self.assertIn(phase[:4].split("\x1b")[0], result.stderr)
        self.rehearse("--budget", "8GiB", status=2)
        self.assertIn("--budget", self.rehearse(
            "--budget", "8G", "--phase", "load=1GiB", status=2).stderr)
        self.assertIn("2GiB", self.rehearse(
            "--budget", "1GiB", "--allowance", "2GiB", "--phase", "a=1GiB",
            status=2).stderr)


if __name__ == "__main__":
    unittest.main()
