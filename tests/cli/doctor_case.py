"""What tests of `governor doctor` have in common: a machine that is a folder."""

import json
import os
import subprocess
import tempfile
import unittest

from tests.cli.host_tree import HostTree

GOVERNOR = os.path.join(
    os.environ["TEST_SRCDIR"], "governor", "governor", "cli", "governor")


class DoctorTestCase(unittest.TestCase):

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.root = os.path.join(self.folder.name, "root")
        self.state = os.path.join(self.folder.name, "state")
        self.tree = HostTree(self.root)

    def doctor(self, *options, **environment):
        result = subprocess.run(
            [GOVERNOR, "doctor", "--driver", "host", "--root", self.root, *options],
            env={"PATH": "/usr/bin:/bin", "XDG_STATE_HOME": self.state,
                 "GOVERNOR_SHARE_DIR": os.path.join(self.folder.name, "share"),
                 **environment},
            capture_output=True, text=True)
        self.assertEqual(result.returncode, 0, result.stderr)
        return json.loads(result.stdout) if "--json" in options else result.stdout

    def findings(self, **environment):
        """Each by its name; each that is not well has what that costs, and a remedy."""
        found = {}
        for finding in self.doctor("--json", **environment)["findings"]:
            self.assertIn(finding["state"], ("ok", "note", "lack"))
            self.assertEqual(finding["state"] == "ok", finding["remedy"] == "")
            self.assertEqual(finding["state"] == "ok", finding["cost"] == "")
            found[finding["name"]] = finding
        return found
