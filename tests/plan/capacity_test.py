"""AT-37 and AT-60: capacity and decode bounds, one device after another, from
`governor plan` on checkpoints of true size.

The expected figures were worked out by hand for DGX Spark before there was a planner:
usable memory is what the machine reports (MemTotal 127,600,748 kB), not what is printed on
its box; speeds are bounds at 65 % of 273 GB/s unless another bandwidth is named.
"""

import json
import os
import subprocess
import tempfile
import unittest

from tests.plan import sparse_checkpoint

GOVERNOR = os.path.join(
    os.environ["TEST_SRCDIR"], "governor", "governor", "cli", "governor")

GIB = 1 << 30
MEMORY = "127600748KiB"
# Those 121.69 GiB less 9.5 for the operating system and the engine's host side. It is given
# as a budget, because a device's total is rounded down to 256 MiB before a plan sees it.
# Activations, graphs and the network's buffers take 5 of them.
BUDGET, ACTIVATIONS = "112.19GiB", "5GiB"
BANDWIDTH = "177.45"

# Stored parameters of the tables; 70B-class models have 70.6e9.
B8, B70, B120, B200, B235, B397, B700 = (
    8_000_000_000, 70_600_000_000, 117_000_000_000, 200_000_000_000,
    235_000_000_000, 397_000_000_000, 700_000_000_000)

# (parameters, active or None, stored as, weights GiB, KV GiB, tokens a second); None: does
# not fit, and then only the weights count.
ONE_DEVICE = [
    (B8, None, "bf16", 14.9, 92.3, 11.09),
    (B8, None, "nvfp4", 4.2, 103.0, 39.43),
    (B70, None, "bf16", 131.5, None, None),
    (B70, None, "fp8", 65.8, 41.4, 2.513),
    (B70, None, "nvfp4", 37.0, 70.2, 4.468),
    (B120, 5_100_000_000, "bf16", 217.9, None, None),
    (B120, 5_100_000_000, "fp8", 109.0, None, None),
    (B120, 5_100_000_000, "nvfp4", 61.3, 45.9, 61.86),
    (B200, None, "bf16", 372.5, None, None),
    (B200, None, "fp8", 186.3, None, None),
    (B200, None, "nvfp4", 104.8, 2.4, 1.577),
    (B235, 22_000_000_000, "bf16", 437.7, None, None),
    (B235, 22_000_000_000, "nvfp4", 123.1, None, None),
    (B397, 17_000_000_000, "mxfp4", 196.4, None, None),
    (B700, 40_000_000_000, "nvfp4", 366.7, None, None),
]


class CapacityTest(unittest.TestCase):

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.count = 0

    def plan(self, parameters, *options, active=None, stored_as="bf16", **shape):
        self.count += 1
        folder = os.path.join(self.folder.name, str(self.count))
        config, tensors = sparse_checkpoint.decoder(
            parameters, active, stored_as, **shape)
        total = sparse_checkpoint.write_checkpoint(
            folder, config, tensors, shards=4)
        result = subprocess.run(
            [GOVERNOR, "plan", folder, "--json", *options],
            env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True)
        self.assertIn(result.returncode, (0, 3), result.stderr)
        plan = json.loads(result.stdout)
        self.assertEqual(plan["fits"], result.returncode == 0)
        self.assertEqual(plan["weights_bytes"], total)
        return plan

    def assert_near(self, value, expected):
        self.assertLessEqual(abs(value - expected), abs(expected) * 0.01)

    def assert_gib(self, size, expected):
        """Within 0.1 GiB, or 1 % where that is more."""
        self.assertLessEqual(abs(size / GIB - expected), max(0.1, expected / 100))

    def test_at60_what_one_device_holds(self):
        for parameters, active, stored_as, weights, kv, speed in ONE_DEVICE:
            with self.subTest(parameters=parameters, stored_as=stored_as):
                plan = self.plan(
                    parameters, "--budget", BUDGET,
                    "--activations", ACTIVATIONS, "--allowance", "0B",
                    "--bandwidth", BANDWIDTH, "--max-model-len", "4096",
                    active=active, stored_as=stored_as)
                self.assert_gib(plan["weights_bytes"], weights)
                self.assertEqual(plan["fits"], kv is not None)
                if kv is None:
                    continue
                self.assert_gib(plan["kv_bytes"] + plan["left_bytes"], kv)
                self.assert_near(plan["decode_tokens_per_second_bound"], speed)

    # 140 GB of weights read once a token at 273 GB/s: 0.51 s; over two ranks 0.256 s, over
    # three 0.171 s, over four 0.128 s. And they do not fit in one.
    def test_at37_a_dense_70b_in_16_bits(self):
        for ranks, seconds in ((1, 0.5128), (2, 0.256), (3, 0.171), (4, 0.128)):
            with self.subTest(ranks=ranks):
                plan = self.plan(
                    70_000_000_000, "--tp", str(ranks), "--bandwidth", "273",
                    "--device-memory", MEMORY, "--allowance", "0B",
                    "--max-model-len", "4096", heads=48, kv_heads=12)
                self.assertEqual(plan["fits"], ranks > 1)
                self.assert_gib(plan["per_rank"][0]["weights_bytes"], 130.4 / ranks)
                self.assertEqual(len(plan["per_rank"]), ranks)
                self.assert_near(1 / plan["decode_tokens_per_second_bound"], seconds)

    # 64 heads over three ranks: refused, with the numbers.
    def test_at37_heads_that_do_not_divide_are_refused(self):
        folder = os.path.join(self.folder.name, "heads")
        sparse_checkpoint.write_checkpoint(
            folder, *sparse_checkpoint.decoder(B70, heads=64, kv_heads=8))
        result = subprocess.run(
            [GOVERNOR, "plan", folder, "--budget", "200GiB", "--tp", "3"],
            env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True)
        self.assertEqual(result.returncode, 2, result.stderr)
        self.assertIn("64", result.stderr)
        self.assertIn("3", result.stderr)

    # 200B: 400 GB in 16 bits, 14 GiB left on each of four nodes; 112.5 GB and not 100 with
    # the scales of NVFP4, which leaves 2.4 GiB on one.
    def test_at37_a_dense_200b(self):
        device = ("--budget", BUDGET, "--activations", ACTIVATIONS,
                  "--allowance", "0B", "--max-model-len", "1024")
        plan = self.plan(B200, "--tp", "4", *device)
        self.assert_near(plan["weights_bytes"], 400e9)
        rank = plan["per_rank"][3]
        self.assert_gib(rank["kv_bytes"] + rank["left_bytes"], 14.1)
        plan = self.plan(B200, *device, stored_as="nvfp4")
        self.assert_near(plan["weights_bytes"], 112.5e9)
        self.assert_gib(plan["kv_bytes"] + plan["left_bytes"], 2.4)
        # 4 bits and nothing else, 100 GB, read at 273 GB/s: no dense model does more.
        plan = self.plan(B200, "--bandwidth", "273", *device, stored_as="nvfp4")
        self.assert_near(plan["decode_tokens_per_second_bound"], 273 / 112.5)

    # 35B with 2.94B active in bf16 at 178 GB/s: 5.875 GB a token, 30.3 a second.
    def test_at37_a_mixture_reads_what_is_active(self):
        plan = self.plan(
            35_000_000_000, "--bandwidth", "178", "--budget", "100GiB",
            "--max-model-len", "4096", active=2_937_500_000)
        self.assert_near(plan["decode_tokens_per_second_bound"], 30.3)

    # 17B of 397B active at 4.31 bits over four nodes: 2.29 GB each, 8.39 ms at 273 GB/s.
    def test_at37_a_397b_over_four_nodes(self):
        plan = self.plan(
            B397, "--tp", "4", "--bandwidth", "273", "--device-memory", MEMORY,
            "--max-model-len", "4096", active=17_000_000_000, stored_as="mxfp4")
        self.assertTrue(plan["fits"])
        self.assert_gib(plan["per_rank"][0]["weights_bytes"], 196.4 / 4)
        # 4.25 bits here, 4.306 in the checkpoint that was measured.
        self.assert_near(
            1000 / plan["decode_tokens_per_second_bound"], 8.39 * 4.25 / 4.31)

    # 15 full layers of 2 KV heads of 256 in fp8: 15,360 bytes a token on one rank and 7,680
    # on two as on four, where each holds one head: four ranks save nothing over two.
    def test_at37_kv_heads_are_replicated_not_halved(self):
        for ranks, per_token in ((1, 15_360), (2, 7_680), (4, 7_680)):
            plan = self.plan(
                1_000_000_000, "--tp", str(ranks), "--kv-dtype", "fp8",
                "--kv-memory", "41.99GiB", "--max-model-len", "32768",
                layers=15, heads=32, kv_heads=2, head_dim=256)
            self.assertEqual(plan["kv_bytes_per_token"], per_token)
            if ranks == 4:
                self.assert_near(plan["max_tokens"], 5.87e6)


if __name__ == "__main__":
    unittest.main()
