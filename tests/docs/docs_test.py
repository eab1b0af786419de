"""Runs what README, docs and --help print, so that they cannot rot."""

import glob
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import unittest

from tests.cli import gguf_file
from tests.plan import sparse_checkpoint

ROOT = os.path.join(os.environ["TEST_SRCDIR"], "governor")
GOVERNOR = os.path.join(ROOT, "governor", "cli", "governor")
EMBED = os.path.join(ROOT, "examples", "embed")
SMOLLM2 = os.path.join(
    os.environ["TEST_SRCDIR"], "smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf")
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
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", read(path), re.M | re.S)
    return [text for name, text in blocks if name == language]


class DocsTest(unittest.TestCase):

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        with open(os.path.join(self.folder, "model.gguf"), "wb") as file:
            file.write(gguf_file.llama())
        os.symlink(SMOLLM2, os.path.join(self.folder, "smollm2.gguf"))
        for name, (config, tensors) in {
                "llama-8b": sparse_checkpoint.llama_8b(),
                "llama-70b": sparse_checkpoint.llama_70b(),
                "llama-70b-nvfp4": sparse_checkpoint.llama_70b("nvfp4")}.items():
            sparse_checkpoint.write_checkpoint(
                os.path.join(self.folder, name), config, tensors, shards=4)

    def run_in_folder(self, arguments, status=0, **environment):
        result = subprocess.run(
            arguments, cwd=self.folder, capture_output=True, text=True,
            timeout=300, stdin=subprocess.DEVNULL,
            env={"PATH": "/usr/bin:/bin", "GOVERNOR_DRIVER": "host",
                 "HOME": self.folder, "GOVERNOR_SHARE_DIR": self.folder,
                 **environment})
        self.assertEqual(result.returncode, status, (arguments, result.stderr))
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

    def test_every_printed_output_is_what_the_command_prints(self):
        shown = 0
        for page in pages():
            for block in fences(page, "console"):
                command, output = block.split("\n", 1)
                with self.subTest(command=command):
                    words = shlex.split(command.removeprefix("$ "))
                    self.assertEqual(words[0], "governor")
                    status = 3 if "does not fit" in output else 0
                    self.assertEqual(output, self.run_in_folder(
                        [GOVERNOR, *words[1:]], status))
                    shown += 1
        self.assertGreaterEqual(shown, 4)

    def test_every_key_of_a_plan_is_explained(self):
        explained = set(re.findall(
            r"`([a-z_]+)(?:\[\])?`", read(os.path.join(ROOT, "docs", "planning.md"))))
        keys = set()
        for options in (["--budget", "2GiB", "--device-memory", "8GiB", "--for",
                         "vllm", "--bandwidth", "273"],
                        ["--kv-memory", "1GiB"]):
            plan = json.loads(self.run_in_folder(
                [GOVERNOR, "plan", "model.gguf", "--json", *options]))
            keys |= set(plan) | {key for group in plan["groups"] for key in group}
        self.assertGreater(len(keys), 40)
        self.assertEqual(keys - explained, set())

    def test_the_examples_of_help_work(self):
        for command in ["plan", "rehearse", "stat", "doctor"]:
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
