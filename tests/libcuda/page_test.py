"""Runs the commands that docs/host_driver.md prints."""

import os
import re
import shlex
import subprocess
import tempfile
import unittest

ROOT = os.path.join(os.environ["TEST_SRCDIR"], "governor")


def commands():
    with open(os.path.join(ROOT, "docs", "host_driver.md"),
              encoding="utf-8") as page:
        blocks = re.findall(r"^```bash\n(.*?)^```", page.read(), re.M | re.S)
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    return [line for line in lines if line]


class PageTest(unittest.TestCase):

    def test_every_command_does_what_the_page_says(self):
        with tempfile.TemporaryDirectory() as folder:
            os.symlink(ROOT, os.path.join(folder, "bazel-bin"))
            lines = commands()
            self.assertEqual(len(lines), 3)
            for line in lines:
                # A variable of the shell's line, then the program.
                self.assertRegex(line, r"^LD_LIBRARY_PATH=bazel-bin/\S+ ")
                self.assertTrue(shlex.split(line))
                with self.subTest(line):
                    command, _, wanted = line.partition("  # ")
                    result = subprocess.run(
                        ["bash", "-c", command], cwd=folder, timeout=250,
                        capture_output=True, text=True,
                        stdin=subprocess.DEVNULL,
                        env={"PATH": "/usr/bin:/bin"})
                    self.assertIn(wanted, result.stdout + result.stderr)
                    self.assertEqual(result.returncode == 0,
                                     "Cannot allocate" not in wanted,
                                     result.stderr)


if __name__ == "__main__":
    unittest.main()
