"""governor.plan: the arithmetic is the library's; its arguments and errors are ours."""

import copy
import os
import pathlib
import pickle
import tempfile
import unittest
import warnings
from unittest import mock

import governor
from model_files import (
    CONTEXT,
    gguf,
    gguf_parameters,
    kv_bytes_per_token,
    write_folder,
    write_safetensors,
)

MiB = 1 << 20
GiB = 1 << 30
LAYERS = 3

# Each keyword with a value, and what of a plan it changes.
KEYWORDS = dict(
    os_reserve=("3GiB", "os_reserve_bytes"),
    device_memory=("32GiB", "budget_bytes"),
    allowance=("5MiB", "allowance_bytes"),
    activations=("3MiB", "activation_bytes"),
    graphs=("7MiB", "graph_bytes"),
    weights=("1GiB", "weights_bytes"),
    kv_memory=("16MiB", "num_blocks"),
    max_model_len=(64, "max_model_len"),
    max_seqs=(3, "max_seqs"),
    engine=("llama.cpp", "engine"),
    platform=("cpu", "platform"),
    compute_capability=("9.0", "compute_capability"),
    tp=(2, "per_rank"),
    pp=(3, "per_rank"),
    block_tokens=(128, "block_tokens"),
    kv_dtype=("fp8", "kv_dtype"),
    bandwidth=(273, "decode_tokens_per_second_bound"),
    driver=("host", None),
    device=(0, None),
    # With several sequences, see below.
    shared_prefix=(128, None),
    # Of no effect on this model, or only with others of its kind.
    state_dtype=("float32", None),
    max_batched_tokens=(1024, None),
    prefix_caching=(False, None),
    discrete=(False, None),
    draft_tokens=(0, None),
    lora=([], None),
    assume_gqa=(True, None),
)
# Tried in tests of their own.
WITH_FILES = {"draft", "profile", "profiles"}


class PlanTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.model = self.folder / "tiny.gguf"
        self.model.write_bytes(gguf(layers=LAYERS))

    def test_plans_what_the_file_says(self):
        plan = governor.plan(self.model, budget="2GiB", allowance="1GiB")
        self.assertTrue(plan.fits)
        self.assertEqual(plan.model["architecture"], "llama")
        self.assertEqual(plan.model["parameters"], gguf_parameters(LAYERS))
        self.assertEqual(len(plan.model["layers"]), LAYERS)
        self.assertEqual(plan.weights_bytes, 4 * gguf_parameters(LAYERS))
        self.assertEqual(
            plan.kv_bytes_per_token, kv_bytes_per_token(LAYERS)
        )
        self.assertEqual(plan.budget_bytes, 2 * GiB)
        self.assertEqual(plan.kv_bytes, plan.num_blocks * plan.block_bytes)
        self.assertEqual(plan.to_dict()["num_blocks"], plan.num_blocks)
        self.assertIsInstance(plan.max_concurrency, float)

    def test_plans_a_folder(self):
        weights = write_folder(self.folder / "tiny", layers=LAYERS)
        plan = governor.plan(self.folder / "tiny", budget="2GiB")
        self.assertEqual(plan.weights_bytes, weights)
        self.assertEqual(plan.model["context_length"], CONTEXT)
        self.assertEqual(plan.kv_bytes_per_token, kv_bytes_per_token(LAYERS))
        self.assertEqual([len(layer["kv"]) for layer in plan.model["layers"]], [1] * LAYERS)

    def test_same_arguments_same_plan(self):
        path = str(self.model)
        plan = governor.plan(path, "2GiB")
        self.assertEqual(plan, governor.plan(path.encode(), budget=2 * GiB))
        self.assertNotEqual(plan, governor.plan(path, "3GiB"))

    def test_every_keyword_counts(self):
        with mock.patch.dict(os.environ, GOVERNOR_HOST_DRIVER="gb10,memory=8GiB"):
            plain = governor.plan(self.model, "2GiB", driver="host")
            for name, (value, changed) in KEYWORDS.items():
                with self.subTest(name, value=value):
                    keywords = {"driver": "host", name: value}
                    budget = None if name == "device_memory" else "2GiB"
                    plan = governor.plan(self.model, budget, **keywords)
                    self.assertIsInstance(plan, governor.Plan)
                    if changed is not None:
                        self.assertNotEqual(
                            getattr(plan, changed), getattr(plain, changed)
                        )

    def test_none_is_as_good_as_absent(self):
        plain = governor.plan(self.model, "2GiB")
        nothing = dict.fromkeys(KEYWORDS.keys() | WITH_FILES)
        self.assertEqual(plain, governor.plan(self.model, "2GiB", **nothing))

    def test_values_of_keywords_arrive(self):
        plan = governor.plan(
            self.model,
            kv_memory="1MiB",
            block_tokens=128,
            kv_dtype="fp8",
            max_model_len=512,
            max_seqs=2,
            activations="3MiB",
            allowance="5MiB",
            bandwidth=273,
        )
        self.assertEqual(plan.block_tokens, 128)
        self.assertEqual(plan.block_bytes, 128 * kv_bytes_per_token(LAYERS, 1))
        self.assertEqual(plan.num_blocks, MiB // plan.block_bytes)
        self.assertEqual(plan.activation_bytes, 3 * MiB)
        self.assertEqual(plan.allowance_bytes, 5 * MiB)
        self.assertEqual((plan.max_model_len, plan.max_seqs), (512, 2))
        self.assertGreater(plan.decode_tokens_per_second_bound, 0)
        # Nothing is known of a budget.
        self.assertIsNone(plan.budget_bytes)
        self.assertNotIn("budget_bytes", plan.to_dict())

    def test_a_shared_prefix_is_held_once(self):
        apart, shared = (
            governor.plan(self.model, "2GiB", max_seqs=4, shared_prefix=tokens)
            for tokens in (0, 128)
        )
        saved = apart.required_blocks - shared.required_blocks
        self.assertEqual(saved, 3 * 128 // apart.block_tokens)

    def test_bandwidth_is_in_units_of_10_9_bytes(self):
        bounds = [
            governor.plan(
                self.model, "2GiB", weights=10**9, bandwidth=bandwidth
            ).decode_tokens_per_second_bound
            for bandwidth in (100, 100.0)
        ]
        self.assertEqual(bounds, [100.0, 100.0])

    def test_ranks_have_their_own_numbers(self):
        plan = governor.plan(self.model, "2GiB", tp=2, pp=3)
        self.assertEqual([rank["rank"] for rank in plan.per_rank], list(range(6)))
        self.assertEqual(sum(rank["layers"] for rank in plan.per_rank), 2 * LAYERS)

    def test_an_engine_that_is_named_has_flags(self):
        self.assertIsNone(governor.plan(self.model, "2GiB").engine_flags)
        flags = governor.plan(self.model, "2GiB", engine="vllm").engine_flags
        self.assertIsInstance(flags, list)
        self.assertTrue(all(isinstance(flag, str) for flag in flags))
        self.assertTrue(flags)

    def test_a_draft_is_a_path_or_a_model(self):
        draft = self.folder / "draft.gguf"
        draft.write_bytes(gguf(layers=1))
        plan = governor.plan(self.model, "2GiB", draft=draft)
        self.assertEqual(plan.draft_weights_bytes, 4 * gguf_parameters(1))
        self.assertEqual(
            plan.weights_bytes, 4 * (gguf_parameters(1) + gguf_parameters(LAYERS))
        )
        again = governor.plan(self.model, "2GiB", draft=governor.read_model(draft))
        self.assertEqual(plan, again)
        missing = self.folder / "none.gguf"
        with self.assertRaises(FileNotFoundError) as caught:
            governor.plan(self.model, "2GiB", draft=missing)
        self.assertEqual(caught.exception.filename, missing)
        with self.assertRaises(TypeError):
            governor.plan(self.model, "2GiB", draft=7)

    def test_adapters_are_files_or_folders(self):
        shapes = {"base_model.model.q.lora_A.weight": (8, 128)}
        (self.folder / "adapter").mkdir()
        file = self.folder / "adapter" / "adapter_model.safetensors"
        size = write_safetensors(file, shapes)
        plan = governor.plan(self.model, "2GiB", lora=(file, str(file.parent)))
        self.assertEqual(plan.adapter_bytes, 2 * size)
        missing = self.folder / "none.safetensors"
        with self.assertRaises(FileNotFoundError) as caught:
            governor.plan(self.model, "2GiB", lora=[file, missing])
        self.assertEqual(caught.exception.filename, missing)
        for lora in ("adapter", b"adapter", 7, [7], {"a": 1}, True):
            with self.subTest(lora=lora), self.assertRaises(TypeError):
                governor.plan(self.model, "2GiB", lora=lora)

    def test_what_does_not_fit_is_a_plan(self):
        plan = governor.plan(self.model, budget="1MiB")
        self.assertFalse(plan.fits)
        self.assertGreater(plan.missing_bytes, 0)
        self.assertIn("Does not fit", "".join(plan.notes))
        self.assertGreater(len(plan.changes), 0)
        for change in plan.changes:
            self.assertEqual(set(change), {"change", "buys"})
        # The answer is exact.
        enough = plan.smallest_budget_bytes
        self.assertTrue(governor.plan(self.model, enough).fits)
        self.assertFalse(governor.plan(self.model, enough - 1).fits)

    def test_takes_the_budget_of_the_device(self):
        with mock.patch.dict(os.environ, GOVERNOR_HOST_DRIVER="gb10,memory=8GiB"):
            plan = governor.plan(self.model, driver="host")
            self.assertEqual(plan.budget_bytes, 7 * GiB)
            self.assertEqual(plan.os_reserve_bytes, GiB)
            plan = governor.plan(self.model, "50%", os_reserve="2GiB", driver="host")
            self.assertEqual(plan.budget_bytes, 4 * GiB)
            self.assertEqual(plan.os_reserve_bytes, 2 * GiB)

    def test_a_card_of_its_own_is_offered_whole(self):
        plan = governor.plan(self.model, device_memory="32GiB", discrete=True)
        self.assertEqual(plan.budget_bytes, 32 * GiB)
        self.assertEqual(plan.device_memory_bytes, 32 * GiB)
        self.assertIs(plan.integrated, False)
        self.assertIsNone(plan.os_reserve_bytes)
        with self.assertRaisesRegex(ValueError, "discrete.*device_memory"):
            governor.plan(self.model, discrete=True)

    def test_a_device_that_is_asked_says_its_capability(self):
        with mock.patch.dict(os.environ, GOVERNOR_HOST_DRIVER="h200,memory=8GiB"):
            plan = governor.plan(self.model, driver="host")
            self.assertEqual(plan.compute_capability, "9.0")
            plan = governor.plan(self.model, driver="host", compute_capability="12.1")
            self.assertEqual(plan.compute_capability, "12.1")

    def test_a_declared_device_is_not_asked(self):
        environment = dict(GOVERNOR_HOST_DRIVER="gb10,memory=8GiB", GOVERNOR_DRIVER="host")
        with mock.patch.dict(os.environ, environment):
            plan = governor.plan(self.model, "50%", device_memory="128GiB")
        self.assertEqual(plan.budget_bytes, 64 * GiB)

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
        empty = self.folder / "empty"
        empty.mkdir()
        for read in (lambda path: governor.plan(path, "1GiB"), governor.read_model):
            for path in (garbage, truncated):
                with self.subTest(path), self.assertRaisesRegex(ValueError, path.name):
                    read(path)
            # It is there; what it lacks is not.
            with self.assertRaisesRegex(FileNotFoundError, "folder is empty") as caught:
                read(empty)
            self.assertEqual(caught.exception.filename, empty)

    def test_families_that_are_not_known(self):
        unknown = self.folder / "unknown.gguf"
        unknown.write_bytes(gguf("zebra"))
        with self.assertRaisesRegex(governor.GovernorError, "zebra"):
            governor.plan(unknown, "1GiB")
        folder = self.folder / "zebra"
        write_folder(folder, model_type="zebra", architectures=["ZebraForCausalLM"])
        with self.assertRaisesRegex(governor.GovernorError, "zebra|Zebra"):
            governor.plan(folder, "1GiB")
        plan = governor.plan(folder, "1GiB", allowance=0, assume_gqa=True)
        self.assertEqual(plan.kv_bytes_per_token, kv_bytes_per_token(LAYERS))

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
            (dict(device_memory="x"), ValueError, "device_memory.*x"),
            (dict(activations=1.0), TypeError, "activations.*1.0"),
            (dict(graphs="-1B"), ValueError, "graphs.*-1B"),
            (dict(weights=1 << 64), ValueError, f"weights.*{1 << 64}"),
            (dict(block_tokens=0), ValueError, "0"),
            (dict(block_tokens=True), TypeError, "block_tokens.*True"),
            (dict(kv_dtype="fp64"), ValueError, "kv_dtype.*fp64"),
            (dict(kv_dtype=8), TypeError, "kv_dtype.*8"),
            (dict(state_dtype="bf16"), ValueError, "state_dtype.*float32.*bf16"),
            (dict(max_model_len=-2), ValueError, "max_model_len.*-2"),
            (dict(max_seqs="3"), TypeError, "max_seqs.*3"),
            (dict(max_batched_tokens=-1), ValueError, "max_batched_tokens.*-1"),
            (dict(shared_prefix=1.5), TypeError, "shared_prefix.*1.5"),
            (dict(engine="vlm"), ValueError, "engine.*vlm"),
            (dict(engine=1), TypeError, "engine.*1"),
            (dict(platform="tpu"), ValueError, "platform.*cuda.*cpu.*tpu"),
            (dict(compute_capability="12"), ValueError, "compute_capability.*12"),
            (dict(compute_capability="99.9"), ValueError, "99.9.*5.0.*12.1"),
            (dict(compute_capability=12.1), TypeError, "compute_capability.*12.1"),
            (dict(tp=-1), ValueError, "tp.*-1"),
            (dict(tp=0), ValueError, "0"),
            (dict(pp="2"), TypeError, "pp.*2"),
            (dict(draft_tokens=-3), ValueError, "draft_tokens.*-3"),
            (dict(prefix_caching=1), TypeError, "prefix_caching.*1"),
            (dict(assume_gqa="no"), TypeError, "assume_gqa.*no"),
            (dict(bandwidth=0), ValueError, "bandwidth.*0"),
            (dict(bandwidth=-1.5), ValueError, "bandwidth.*-1.5"),
            (dict(bandwidth=float("nan")), ValueError, "bandwidth.*nan"),
            (dict(bandwidth=float("inf")), ValueError, "bandwidth.*inf"),
            (dict(bandwidth=10**400), ValueError, "bandwidth"),
            (dict(bandwidth="273"), TypeError, "bandwidth.*273"),
            (dict(bandwidth=True), TypeError, "bandwidth.*True"),
            (dict(profile=3), TypeError, "profile.*3"),
            (dict(device=True), TypeError, "device.*True"),
            (dict(driver="metal"), ValueError, "driver.*metal"),
            (dict(max_model_length=3), TypeError, "max_model_length"),
            ({"": 3}, TypeError, "''"),
        ):
            with self.subTest(**arguments):
                with self.assertRaisesRegex(error, text):
                    governor.plan(self.model, **{"budget": "1GiB", **arguments})
        for path in (None, 7, "nul\0"):
            with self.subTest(path=path):
                with self.assertRaises((TypeError, ValueError)):
                    governor.plan(path, "1GiB")
        with self.assertRaises(TypeError):
            governor.plan(self.model, "1GiB", "2GiB")
        with self.assertRaises(TypeError):
            governor.plan()


class ModelTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = pathlib.Path(folder.name) / "tiny.gguf"
        self.path.write_bytes(gguf(layers=LAYERS, name="Tiny"))
        self.model = governor.read_model(self.path)

    def test_says_what_it_is(self):
        model = self.model
        self.assertEqual((model.architecture, model.name), ("llama", "Tiny"))
        self.assertEqual(model.parameters, gguf_parameters(LAYERS))
        self.assertEqual(model.weights_bytes, 4 * gguf_parameters(LAYERS))
        self.assertEqual((model.layers, model.context_length), (LAYERS, CONTEXT))
        self.assertIn("'Tiny'", repr(model))

    def test_plans_as_its_file_does(self):
        for keywords in (
            dict(budget="2GiB"),
            dict(budget="1MiB"),
            dict(kv_memory="16MiB", kv_dtype="fp8", engine="vllm", bandwidth=273),
            dict(budget="2GiB", tp=2, max_seqs=4),
        ):
            with self.subTest(**keywords):
                self.assertEqual(
                    self.model.plan(**keywords), governor.plan(self.path, **keywords)
                )

    def test_does_not_read_its_file_again(self):
        plan = governor.plan(self.path, "2GiB")
        self.path.unlink()
        self.assertEqual(self.model.plan("2GiB"), plan)

    def test_checks_arguments(self):
        with self.assertRaisesRegex(ValueError, "budget.*24G"):
            self.model.plan("24G")
        with self.assertRaisesRegex(TypeError, "buget"):
            self.model.plan(buget="24GiB")
        with self.assertRaisesRegex(TypeError, "assume_gqa.*1"):
            governor.read_model(self.path, assume_gqa=1)

    def test_plans_outlive_it(self):
        plan = self.model.plan("2GiB")
        del self.model
        self.assertEqual(plan.model["name"], "Tiny")
        self.assertIsNotNone(plan.smallest_budget_bytes)

    def test_is_not_copied_or_pickled(self):
        for way in (copy.copy, pickle.dumps):
            with self.assertRaises(TypeError):
                way(self.model)


class ValuesTest(unittest.TestCase):
    """A Plan is a value."""

    def setUp(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "tiny.gguf"
            path.write_bytes(gguf(layers=LAYERS))
            self.plan = governor.plan(
                path,
                "2GiB",
                os_reserve="1GiB",
                device_memory="8GiB",
                bandwidth=273,
                engine="vllm",
            )

    def test_attributes_are_the_keys(self):
        # In either order: what is worked out late is there as early.
        for name in ("changes", "num_blocks", "model", "smallest_budget_bytes"):
            self.assertEqual(getattr(self.plan, name), self.plan.to_dict()[name])
        for name, value in self.plan.to_dict().items():
            with self.subTest(name):
                self.assertIn(name, governor.Plan.__annotations__)
                self.assertEqual(getattr(self.plan, name), value)

    def test_what_is_not_known_is_none(self):
        for name in governor.Plan.__annotations__.keys() - self.plan.to_dict().keys():
            with self.subTest(name):
                self.assertIsNone(getattr(self.plan, name))
        self.assertIsNone(self.plan.missing_bytes)

    def test_other_attributes_are_errors(self):
        for name in ("num_block", "_repr_png_", "__len__", ""):
            with self.subTest(name):
                with self.assertRaisesRegex(AttributeError, f"Plan.*'{name}'"):
                    getattr(self.plan, name)
        self.assertIn("num_blocks", dir(self.plan))

    def test_a_dict_is_a_copy(self):
        self.plan.to_dict()["model"]["layers"].clear()
        self.assertEqual(len(self.plan.model["layers"]), LAYERS)

    def test_copies_are_equal(self):
        # Of one that was looked at, and of one that was not.
        for _ in range(2):
            for way in (
                copy.copy,
                copy.deepcopy,
                lambda plan: pickle.loads(pickle.dumps(plan)),
            ):
                other = way(self.plan)
                self.assertIs(type(other), governor.Plan)
                self.assertEqual(other, self.plan)
                self.assertEqual(other.changes, self.plan.changes)
                self.assertEqual(repr(other), repr(self.plan))

    def test_is_not_equal_to_other_things(self):
        self.assertNotEqual(self.plan, self.plan.to_dict())


if __name__ == "__main__":
    unittest.main()
