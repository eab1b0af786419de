"""Runs what README, docs and --help print, so that they cannot rot."""

import glob
import os
import re
import shlex
import subprocess
import sys
import tempfile
import unittest

from tests.cli import gguf_file

ROOT = os.path.join(os.environ["TEST_SRCDIR"], "governor")
GOVERNOR = os.path.join(ROOT, "governor", "cli", "governor")
EMBED = os.path.join(ROOT, "examples", "embed")
PYTHON_SITE = os.path.join(ROOT, "bindings", "python", "site")

# tests/run.sh runs these two as steps of its own.
RUN_ELSEWHERE = {"bash examples/demo.sh", "bash tests/run.sh"}


def pages():
    return [os.path.join(ROOT, "README.md"),
            *sorted(glob.glob(os.path.join(ROOT, "docs", "*.md"))),
            os.path.join(ROOT, "benchmarks", "README.md")]


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def fences(path, language):
    """The fenced blocks of a page in `language` ("" is plain)."""
    return re.findall(
        r"^```" + language + r"\n(.*?)^```", read(path), re.M | re.S)


class DocsTest(unittest.TestCase):

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        with open(os.path.join(self.folder, "model.gguf"), "wb") as file:
            file.write(gguf_file.llama())

    def run_in_folder(self, arguments, **environment):
        result = subprocess.run(
            arguments, cwd=self.folder, capture_output=True, text=True,
            timeout=300, stdin=subprocess.DEVNULL,
            env={"PATH": "/usr/bin:/bin", "GOVERNOR_DRIVER": "host",
                 **environment})
        self.assertEqual(result.returncode, 0, (arguments, result.stderr))
        return result.stdout

    def run_command(self, line):
        words = shlex.split(line)
        self.assertEqual(words[0], "governor", line)
        return self.run_in_folder([GOVERNOR, *words[1:]])

    def test_every_printed_command_works(self):
        commands = []
        for page in pages():
            for block in fences(page, "") + fences(page, "bash"):
                for line in block.splitlines():
                    if re.match(r"(governor|bash|bazel|python3?|pip) ", line):
                        commands.append(line.strip())
        self.assertIn("bash examples/demo.sh", commands)
        run = 0
        for command in commands:
            # bazel: the target is built before this test runs, see BUILD.
            if command in RUN_ELSEWHERE or command.startswith("bash benchmarks/"):
                continue
            with self.subTest(command=command):
                self.assertNotEqual(self.run_command(command), "")
                run += 1
        self.assertGreaterEqual(run, 5)

    def test_the_examples_of_help_work(self):
        for command in ["plan", "stat", "doctor"]:
            text = self.run_in_folder([GOVERNOR, command, "--help"])
            example = re.search(r"Example: (governor .*)", text).group(1)
            self.assertNotEqual(self.run_command(example), "")

    def test_the_readme_shows_the_embed_example_as_it_is(self):
        source = read(os.path.join(ROOT, "examples", "embed.cc"))
        self.assertIn(source, fences(os.path.join(ROOT, "README.md"), "cpp"))

    def test_the_embed_example_is_refused_and_adds_up(self):
        output = self.run_in_folder([EMBED])
        self.assertIn("refused by the budget", output)
        self.assertIn("headroom", output)

    def test_the_python_of_the_readme_runs(self):
        blocks = fences(os.path.join(ROOT, "README.md"), "python")
        self.assertEqual(len(blocks), 1)
        output = self.run_in_folder(
            [sys.executable, "-c", blocks[0]], PYTHONPATH=PYTHON_SITE)
        self.assertIn("('kv'", output.replace('"', "'"))

    def test_every_link_leads_somewhere(self):
        links = 0
        for page in pages():
            for target in re.findall(r"\]\(([^)#:]+)\)", read(page)):
                path = os.path.normpath(
                    os.path.join(os.path.dirname(page), target))
                self.assertTrue(os.path.exists(path), (page, target))
                links += 1
        self.assertGreater(links, 5)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], "-v"])
