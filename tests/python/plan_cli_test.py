"""A Plan is what `governor plan --json` prints: the same keys, the same values."""

import json
import os
import pathlib
import subprocess
import tempfile
import unittest

import governor
from model_files import gguf, write_folder, write_safetensors

PROGRAM = os.path.join(
    os.environ["TEST_SRCDIR"], os.environ["TEST_WORKSPACE"], "governor/cli/governor"
)
PROFILES = {
    "version": 1,
    "profiles": [
        {
            "name": "tiny",
            "model": "llama",
            "engine": "vllm",
            "device": "NVIDIA GB10",
            "driver": "CUDA 13.0",
            "activation_bytes": 3 << 20,
            "allowance_bytes": 700 << 20,
        }
    ],
}


def options_of(keywords):
    """The command's spelling of Python's keywords."""
    names = dict(engine="for", shared_prefix="shared-prefix")
    options = []
    for name, value in keywords.items():
        option = "--" + names.get(name, name.replace("_", "-"))
        if name == "prefix_caching":
            options += ["--no-prefix-caching"] * (not value)
        elif value is True:
            options.append(option)
        else:
            for one in value if isinstance(value, list) else [value]:
                options += [option, str(one)]
    return options


class PlanCliTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.file = self.folder / "tiny.gguf"
        self.file.write_bytes(gguf(name='Tiny "\u00fc" <b>'))
        write_folder(self.folder / "tiny")

    def check(self, model, **keywords):
        run = subprocess.run(
            [PROGRAM, "plan", model, "--json", *options_of(keywords)],
            capture_output=True,
            text=True,
        )
        self.assertIn(run.returncode, (0, 3), run.stderr)
        printed = json.loads(run.stdout)
        plan = governor.plan(model, **keywords)
        self.assertEqual(list(plan.to_dict()), list(printed))
        self.assertEqual(plan.to_dict(), printed)
        self.assertEqual(plan.fits, run.returncode == 0)
        self.assertLessEqual(set(printed), set(governor.Plan.__annotations__))

    def test_is_equal_for_every_option(self):
        draft = self.folder / "draft.gguf"
        draft.write_bytes(gguf(layers=1))
        adapter = self.folder / "adapter.safetensors"
        write_safetensors(adapter, {"lora_A": (8, 128)})
        profiles = self.folder / "profiles.json"
        profiles.write_text(json.dumps(PROFILES))
        for keywords in (
            dict(budget="2GiB"),
            dict(budget="1MiB"),
            dict(budget="50%", device_memory="16GiB", os_reserve="2GiB"),
            dict(device_memory="32GiB", discrete=True),
            dict(kv_memory="16MiB", block_tokens=128),
            dict(kv_memory="64KiB", max_seqs=8),
            dict(budget="2GiB", allowance="5MiB", activations="3MiB", graphs="7MiB"),
            dict(budget="2GiB", weights="1GiB", bandwidth=273.5),
            dict(budget="2GiB", max_model_len=100, max_seqs=3, shared_prefix=64),
            dict(budget="2GiB", kv_dtype="fp8", max_batched_tokens=512),
            dict(budget="2GiB", tp=2, pp=3),
            dict(budget="2GiB", engine="vllm", prefix_caching=False),
            dict(budget="2GiB", engine="llama.cpp", kv_dtype="q8_0", platform="cpu"),
            dict(budget="2GiB", engine="sglang", compute_capability="9.0"),
            dict(budget="2GiB", draft=draft),
            dict(budget="2GiB", lora=[adapter, adapter]),
            dict(budget="2GiB", state_dtype="float32", assume_gqa=True),
            dict(budget="2GiB", profile="tiny", profiles=profiles),
            dict(budget="2GiB", profile="tiny", profiles=profiles, allowance="1GiB"),
        ):
            for model in (self.file, self.folder / "tiny"):
                with self.subTest(model.name, **keywords):
                    self.check(model, **keywords)

    def test_a_profile_that_is_not_there(self):
        profiles = self.folder / "profiles.json"
        with self.assertRaises(FileNotFoundError) as caught:
            governor.plan(self.file, "2GiB", profile="tiny", profiles=profiles)
        self.assertEqual(caught.exception.filename, str(profiles))
        profiles.write_text(json.dumps(PROFILES))
        plan = governor.plan(self.file, "2GiB", profile="tiny", profiles=profiles)
        self.assertEqual((plan.profile, plan.activation_bytes), ("tiny", 3 << 20))
        with self.assertRaisesRegex(ValueError, "profile.*big.*tiny"):
            governor.plan(self.file, "2GiB", profile="big", profiles=profiles)
        profiles.write_text("{")
        with self.assertRaisesRegex(ValueError, "profiles.json"):
            governor.plan(self.file, "2GiB", profile="tiny", profiles=profiles)


if __name__ == "__main__":
    unittest.main()
