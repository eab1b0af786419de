"""A real model's file: what the plan says of it, and the demo on it."""

import json
import os
import subprocess
import sys
import unittest

ROOT = os.path.join(os.environ["TEST_SRCDIR"], "governor")
MODEL = os.path.join(os.environ["TEST_SRCDIR"], "smollm2",
                     "SmolLM2-135M-Instruct.Q4_1.gguf")


def run(program, *arguments, **environment):
    return subprocess.run(
        [os.path.join(ROOT, program), *arguments], stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=300,
        env={"PATH": "/usr/bin:/bin", "GOVERNOR_DRIVER": "host",
             "GOVERNOR_SHARE_DIR": os.environ["GOVERNOR_SHARE_DIR"],
             **environment})


def plan(*arguments):
    result = run("governor/cli/governor", "plan", MODEL, "--json", *arguments)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


class SmolLm2Test(unittest.TestCase):

    def test_the_plan_has_the_files_own_numbers(self):
        model = plan("--budget", "2GiB")["model"]
        # As its authors count: huggingface.co/HuggingFaceTB/SmolLM2-135M.
        self.assertEqual(model["parameters"], 134_515_008)
        self.assertEqual(len(model["layers"]), 30)
        for layer in model["layers"]:
            self.assertEqual(len(layer["kv"]), 1)
            self.assertEqual(layer["kv"][0]["kind"], "full")
            self.assertEqual(layer["kv"][0]["kv_heads"], 3)
            self.assertEqual(layer["kv"][0]["head_size_k"], 64)
            self.assertEqual(layer["kv"][0]["head_size_v"], 64)

    def test_a_token_takes_23040_bytes_at_bf16(self):
        self.assertEqual(plan("--budget", "2GiB")["kv_bytes_per_token"], 23_040)
        self.assertEqual(
            plan("--budget", "2GiB", "--kv-dtype", "fp8")["kv_bytes_per_token"],
            11_520)

    def test_1_gib_gives_the_blocks_that_vllm_starts_with(self):
        # vLLM 0.32.0, VLLM_CPU_KVCACHE_SPACE=1, blocks of 128 tokens.
        answer = plan("--kv-memory", "1GiB", "--block-tokens", "128")
        self.assertEqual(answer["num_blocks"], 364)
        self.assertEqual(answer["block_bytes"], 128 * 23_040)

    def test_the_demo_does_every_step(self):
        result = run("examples/demo", MODEL)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        for part in ["272 tensors", "refused by the budget", "'kv'",
                     "the driver's own count",
                     "done: every step did what it should"]:
            self.assertIn(part, result.stdout)

    def test_the_demo_fails_when_a_step_does(self):
        # Too little memory in the device for the budget.
        result = run("examples/demo", MODEL,
                     GOVERNOR_HOST_DRIVER="gb10,memory=1GiB,context=1MiB")
        self.assertEqual(result.returncode, 1, result.stdout)
        self.assertIn("budget", result.stderr)
        # A copy that cannot be made.
        result = run("examples/demo", os.path.join(ROOT, "absent.gguf"))
        self.assertEqual(result.returncode, 1)
        self.assertIn("absent.gguf", result.stderr)
        self.assertEqual(run("examples/demo").returncode, 2)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], "-v"])
