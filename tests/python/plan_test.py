"""governor.plan: the arithmetic is the library's; its arguments and errors are ours."""

import os
import pathlib
import struct
import tempfile
import unittest
import warnings
from unittest import mock

import governor

MiB = 1 << 20
GiB = 1 << 30
U32, STRING, F32 = 4, 8, 0
HEAD, KV_HEADS, LAYERS, EMBEDDING, VOCABULARY = 32, 2, 3, 128, 10


def gguf(architecture="llama"):
    """A small Llama, as a GGUF file. Its tensors are holes."""

    def string(text):
        return struct.pack("<Q", len(text)) + text.encode()

    fields = dict(
        block_count=LAYERS,
        context_length=256,
        embedding_length=EMBEDDING,
        **{"attention.head_count": 4, "attention.head_count_kv": KV_HEADS},
    )
    metadata = [
        string("general.architecture") + struct.pack("<I", STRING) + string(architecture)
    ] + [
        string(f"{architecture}.{key}") + struct.pack("<II", U32, value)
        for key, value in fields.items()
    ]
    tensors, offset = [], 0
    shapes = {"token_embd.weight": (EMBEDDING, VOCABULARY)}
    for i in range(LAYERS):
        shapes[f"blk.{i}.attn_k.weight"] = (EMBEDDING, KV_HEADS * HEAD)
    for name, (columns, rows) in shapes.items():
        tensors.append(
            string(name) + struct.pack("<IQQIQ", 2, columns, rows, F32, offset)
        )
        offset += columns * rows * 4
    header = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(metadata))
    header += b"".join(metadata + tensors)
    return header + bytes(-len(header) % 32) + bytes(offset)


PARAMETERS = EMBEDDING * (VOCABULARY + LAYERS * KV_HEADS * HEAD)


class PlanTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.model = self.folder / "tiny.gguf"
        self.model.write_bytes(gguf())

    def test_plans_what_the_file_says(self):
        plan = governor.plan(self.model, budget="2GiB", allowance="1GiB")
        self.assertTrue(plan.fits)
        self.assertEqual(plan.model["architecture"], "llama")
        self.assertEqual(plan.model["parameters"], PARAMETERS)
        self.assertEqual(len(plan.model["layers"]), LAYERS)
        self.assertEqual(plan.weights_bytes, 4 * PARAMETERS)
        self.assertEqual(plan.kv_bytes_per_token, LAYERS * KV_HEADS * HEAD * 2 * 2)
        self.assertEqual(plan.budget_bytes, 2 * GiB)
        self.assertEqual(plan.kv_bytes, plan.num_blocks * plan.block_bytes)
        self.assertEqual(plan.to_dict()["num_blocks"], plan.num_blocks)
        self.assertIsInstance(plan.max_concurrency, float)
        self.assertIn(f"num_blocks = {plan.num_blocks}", repr(plan))

    def test_same_arguments_same_plan(self):
        path = str(self.model)
        plan = governor.plan(path, "2GiB")
        self.assertEqual(plan, governor.plan(path.encode(), budget=2 * GiB))
        self.assertNotEqual(plan, governor.plan(path, "3GiB"))

    def test_every_argument_counts(self):
        plan = governor.plan(
            self.model,
            kv_memory="1MiB",
            block_tokens=128,
            kv_dtype="fp8",
            max_model_len=512,
            max_seqs=2,
            activations="3MiB",
            allowance="5MiB",
        )
        self.assertEqual(plan.block_tokens, 128)
        self.assertEqual(plan.block_bytes, 128 * LAYERS * KV_HEADS * HEAD * 2)
        self.assertEqual(plan.num_blocks, MiB // plan.block_bytes)
        self.assertEqual(plan.activation_bytes, 3 * MiB)
        self.assertEqual(plan.allowance_bytes, 5 * MiB)
        # Nothing is known of a budget.
        self.assertIsNone(plan.budget_bytes)
        self.assertNotIn("budget_bytes", plan.to_dict())

    def test_what_does_not_fit_is_a_plan(self):
        plan = governor.plan(self.model, budget="1MiB")
        self.assertFalse(plan.fits)
        self.assertIn("To make it fit", "".join(plan.notes))

    def test_takes_the_budget_of_the_device(self):
        with mock.patch.dict(os.environ, GOVERNOR_HOST_DRIVER="gb10,memory=8GiB"):
            plan = governor.plan(self.model, driver="host")
            self.assertEqual(plan.budget_bytes, 7 * GiB)
            self.assertEqual(plan.os_reserve_bytes, GiB)
            plan = governor.plan(self.model, "50%", os_reserve="2GiB", driver="host")
            self.assertEqual(plan.budget_bytes, 4 * GiB)
            self.assertEqual(plan.os_reserve_bytes, 2 * GiB)

    def test_the_environment_fills_in(self):
        environment = dict(GOVERNOR_BUDGET="3GiB", GOVERNOR_ALLOWANCE="10%")
        with mock.patch.dict(os.environ, environment):
            plan = governor.plan(self.model)
            self.assertEqual(plan.budget_bytes, 3 * GiB)
            self.assertEqual(plan.allowance_bytes, 3 * GiB // 10)
            self.assertEqual(governor.plan(self.model, "2GiB").budget_bytes, 2 * GiB)

    def test_says_when_the_host_driver_stands_in(self):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            governor.plan(self.model, driver="auto")
        # On a machine with a GPU nothing stands in.
        self.assertTrue(all("host driver" in str(w.message) for w in caught))

    def test_files_that_are_none(self):
        missing = self.folder / "missing.gguf"
        with self.assertRaises(FileNotFoundError) as caught:
            governor.plan(missing, "1GiB")
        self.assertEqual(caught.exception.filename, missing)
        garbage = self.folder / "garbage.gguf"
        garbage.write_bytes(b"PK\3\4" + bytes(100))
        truncated = self.folder / "truncated.gguf"
        truncated.write_bytes(self.model.read_bytes()[:-1])
        for path in (garbage, truncated, self.folder):
            with self.subTest(path), self.assertRaisesRegex(ValueError, path.name):
                governor.plan(path, "1GiB")
        unknown = self.folder / "unknown.gguf"
        unknown.write_bytes(gguf("mamba"))
        with self.assertRaisesRegex(governor.GovernorError, "mamba"):
            governor.plan(unknown, "1GiB")

    @unittest.skipIf(os.geteuid() == 0, "root may read everything")
    def test_a_file_that_may_not_be_read(self):
        self.model.chmod(0)
        with self.assertRaises(PermissionError):
            governor.plan(self.model, "1GiB")

    def test_arguments_are_checked(self):
        for arguments, error, text in (
            (dict(budget="24G"), ValueError, "budget.*24G"),
            (dict(kv_memory=-1), ValueError, "kv_memory.*-1"),
            (dict(kv_memory="50%"), ValueError, "kv_memory.*50%"),
            (dict(activations=1.0), TypeError, "activations.*1.0"),
            (dict(block_tokens=0), ValueError, "0"),
            (dict(block_tokens=True), TypeError, "block_tokens.*True"),
            (dict(kv_dtype="fp64"), ValueError, "fp64"),
            (dict(max_model_len=-2), ValueError, "max_model_len.*-2"),
            (dict(max_seqs="3"), TypeError, "max_seqs.*3"),
            (dict(driver="metal"), ValueError, "metal"),
        ):
            with self.subTest(**arguments):
                with self.assertRaisesRegex(error, text):
                    governor.plan(self.model, **{"budget": "1GiB", **arguments})
        for path in (None, 7, "nul\0"):
            with self.subTest(path=path):
                with self.assertRaises((TypeError, ValueError)):
                    governor.plan(path, "1GiB")


if __name__ == "__main__":
    unittest.main()
