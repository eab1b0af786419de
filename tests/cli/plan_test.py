"""`governor plan`: its options, its answers, and the profiles that it stores."""

import json
import os
import subprocess
import sys
import tempfile
import unittest

from tests.cli import gguf_file
from tests.cli import model_folder

GOVERNOR = os.path.join(
    os.environ["TEST_SRCDIR"], "governor", "governor", "cli", "governor")

ENGINES = ["vllm", "sglang", "llama.cpp", "trtllm", "ollama", "max"]


class PlanTest(unittest.TestCase):

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.model = self.path("model.gguf")
        with open(self.model, "wb") as file:
            file.write(gguf_file.llama())

    def path(self, name):
        return os.path.join(self.folder, name)

    def plan(self, *arguments, code=0, parts=(), **environment):
        """Runs `governor plan`; `parts` must stand on stderr."""
        result = subprocess.run(
            [GOVERNOR, "plan", *arguments],
            env={"PATH": "/usr/bin:/bin", "HOME": self.folder,
                 "GOVERNOR_DRIVER": "host",
                 "GOVERNOR_HOST_DRIVER": "gb10,memory=8GiB", **environment},
            stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=300)
        self.assertEqual(result.returncode, code,
                         (arguments, result.stdout, result.stderr))
        for part in parts:
            self.assertIn(part, result.stderr)
        return result

    def json(self, *arguments, **keywords):
        return json.loads(self.plan(*arguments, "--json", **keywords).stdout)

    def rank_sum(self, rank):
        """What a rank holds."""
        return sum(rank[key] for key in [
            "weights_bytes", "weights_rounding_bytes", "activation_bytes", "graph_bytes", "adapter_bytes",
            "allowance_bytes", "kv_bytes", "left_bytes"])

    # --- models

    def test_a_folder_is_planned_from_its_headers(self):
        size = model_folder.llama(self.path("llama"))
        plan = self.json(self.path("llama"), "--budget", "2GiB")
        self.assertEqual(plan["weights_bytes"], size)
        # 2 layers, 2 KV heads of 16, K and V, 2 bytes.
        self.assertEqual(plan["kv_bytes_per_token"], 2 * 2 * 16 * 2 * 2)
        self.assertEqual(plan["kv_dtype"], "bf16")
        self.assertEqual(self.rank_sum(plan["per_rank"][0]), 2 << 30)

    def test_a_folder_without_weights_needs_their_size(self):
        model_folder.llama(self.path("config"), weights=False)
        self.plan(self.path("config"), "--budget", "2GiB", code=2,
                  parts=["weights"])
        plan = self.json(self.path("config"), "--budget", "2GiB",
                         "--weights", "512MiB")
        self.assertEqual(plan["weights_bytes"], 512 << 20)
        self.assertIs(plan["model"]["has_weights"], False)

    def test_an_unknown_family_may_be_taken_for_a_known_kind(self):
        path = self.path("unknown")
        model_folder.llama(path, architecture="FrobnicatorForCausalLM")
        self.plan(path, "--budget", "2GiB", code=1,
                  parts=["Frobnicator"])
        plan = self.json(path, "--budget", "2GiB", "--assume-gqa")
        self.assertEqual(plan["kv_bytes_per_token"], 256)

    def test_a_model_that_cannot_be_read_is_1(self):
        model_folder.llama(self.path("draft"))
        for arguments, part in [
            ((self.path("absent"),), "absent"),
            ((self.model, "--draft", self.path("absent")), "absent"),
            ((self.model, "--lora", self.path("absent")), "absent"),
            ((self.model, "--lora", self.model), "model.gguf"),
            ((self.folder,), self.folder),
        ]:
            with self.subTest(arguments=arguments):
                self.plan(*arguments, "--budget", "2GiB", code=1, parts=[part])

    def test_a_draft_adds_its_weights_and_its_layers(self):
        size = model_folder.llama(self.path("draft"), layers=1)
        alone = self.json(self.model, "--budget", "2GiB")
        both = self.json(self.model, "--budget", "2GiB",
                         "--draft", self.path("draft"))
        self.assertEqual(both["draft_weights_bytes"], size)
        self.assertEqual(both["weights_bytes"], alone["weights_bytes"] + size)
        self.assertEqual(both["kv_bytes_per_token"],
                         alone["kv_bytes_per_token"] + 128)

    def test_adapters_are_added_up(self):
        os.mkdir(self.path("adapter"))
        data = model_folder.safetensors({"lora_A": (8, 64), "lora_B": (64, 8)})
        for name in ["one.safetensors", "adapter/adapter_model.safetensors"]:
            with open(self.path(name), "wb") as file:
                file.write(data)
        plan = self.json(self.model, "--budget", "2GiB",
                         "--lora", self.path("one.safetensors"),
                         "--lora", self.path("adapter"))
        self.assertEqual(plan["adapter_bytes"], 2 * 2 * 2 * 8 * 64)
        self.assertEqual(self.rank_sum(plan["per_rank"][0]), 2 << 30)

    # --- ranks and engines

    def test_each_rank_adds_up(self):
        plan = self.json(self.model, "--budget", "2GiB", "--tp", "2",
                         "--pp", "2", "--graphs", "100MiB")
        self.assertEqual([rank["rank"] for rank in plan["per_rank"]],
                         [0, 1, 2, 3])
        self.assertEqual([rank["layers"] for rank in plan["per_rank"]],
                         [1, 1, 1, 1])
        for rank in plan["per_rank"]:
            self.assertEqual(self.rank_sum(rank), 2 << 30)
        text = self.plan(self.model, "--budget", "2GiB", "--tp", "2",
                         "--pp", "2").stdout
        self.assertIn("one of 4 devices", text)

    def test_each_engine_gets_flags(self):
        for engine in ENGINES:
            with self.subTest(engine=engine):
                arguments = (self.model, "--device-memory", "8GiB",
                             "--for", engine)
                plan = self.json(*arguments)
                self.assertEqual(plan["engine"], engine)
                self.assertNotEqual(plan["engine_flags"], [], plan["notes"])
                text = self.plan(*arguments).stdout
                self.assertIn(f"flags of {engine}\n"
                              + plan["engine_flags"][0], text)
        self.assertNotIn("engine_flags",
                         self.json(self.model, "--budget", "2GiB"))

    def test_flags_hold_what_was_asked_for(self):
        draft = self.path("draft")
        model_folder.llama(draft, layers=1)
        adapter = self.path("one.safetensors")
        with open(adapter, "wb") as file:
            file.write(model_folder.safetensors({"lora_A": (8, 64)}))
        arguments = (self.model, "--device-memory", "8GiB", "--for")
        line = self.json(*arguments, "vllm")["engine_flags"][-1]
        self.assertIn(" --max-num-batched-tokens 8192", line)
        self.assertNotIn("--max-num-seqs", line)
        plan = self.json(*arguments, "vllm", "--max-seqs", "1",
                         "--draft", draft, "--lora", adapter)
        line = plan["engine_flags"][-1]
        self.assertIn(" --max-num-seqs 1 ", line)
        self.assertIn(f" --enable-lora --lora-modules lora0={adapter} ", line)
        self.assertIn(f'"model": "{draft}"', "\n".join(plan["notes"]))
        plan = self.json(*arguments, "llama.cpp",
                         "--draft", draft, "--lora", adapter)
        self.assertIn(f" -md {draft} --lora {adapter}",
                      plan["engine_flags"][-1])
        notes = "\n".join(plan["notes"])
        self.assertIn(f"llama.cpp loads GGUF, which {draft} is not", notes)
        self.assertIn("is what was asked for", notes)
        plan = self.json(*arguments, "max")
        self.assertEqual(plan["block_tokens"], 128)
        self.assertIn("--kv-cache-page-size 128", plan["engine_flags"][-1])
        for note in plan["notes"]:
            self.assertTrue(note.endswith("."), note)

    def test_a_path_that_a_terminal_acts_on_has_no_flags(self):
        model = self.path("a\x1b[2J.gguf")
        os.rename(self.model, model)
        plan = self.json(model, "--budget", "2GiB", "--for", "vllm")
        self.assertNotIn("engine_flags", plan)
        self.assertIn("control characters", "\n".join(plan["notes"]))

    def test_a_plan_that_does_not_fit_has_no_flags(self):
        result = self.plan(self.model, "--budget", "1GiB", "--for", "vllm",
                           code=3)
        self.assertNotIn("\nflags of", result.stdout)
        self.assertIn("no flags of vllm", result.stdout)

    def test_the_platform_is_what_was_asked_for(self):
        plan = self.json(self.model, "--budget", "2GiB", "--platform", "cpu")
        self.assertEqual(plan["platform"], "cpu")
        plan = self.json(self.model, "--budget", "2GiB",
                         "--compute-capability", "9.0")
        self.assertEqual(plan["compute_capability"], "9.0")

    def test_a_card_of_its_own_is_offered_whole(self):
        wish = (self.model, "--device-memory", "32GiB")
        plan = self.json(*wish, "--discrete")
        self.assertEqual(plan["budget_bytes"], 32 << 30)
        self.assertEqual(plan["device_memory_bytes"], 32 << 30)
        self.assertIs(plan["integrated"], False)
        self.assertNotIn("os_reserve_bytes", plan)
        self.assertNotIn("OS reserve", self.plan(*wish, "--discrete").stdout)
        self.assertIs(self.json(*wish)["integrated"], True)
        self.plan(self.model, "--discrete", code=2,
                  parts=["--discrete", "--device-memory 32GiB"])

    def test_a_device_that_is_asked_says_its_capability(self):
        h200 = {"GOVERNOR_HOST_DRIVER": "h200,memory=8GiB"}
        plan = self.json(self.model, **h200)
        self.assertEqual(plan["compute_capability"], "9.0")
        self.assertNotIn("os_reserve_bytes", plan)
        for given in [("--compute-capability", "12.1"), ("--budget", "2GiB"),
                      ("--device-memory", "8GiB")]:
            plan = self.json(self.model, *given, **h200)
            self.assertEqual(plan["compute_capability"], "12.1", given)

    def test_weights_that_are_given_count_alone(self):
        text = self.plan(self.model, "--budget", "4GiB").stdout
        self.assertNotIn("weights: given", text)
        text = self.plan(self.model, "--budget", "4GiB", "--weights",
                         "1GiB").stdout
        self.assertIn("weights: given", text)

    def test_the_help_names_every_kv_dtype_and_unit(self):
        text = self.plan("--help").stdout
        names = self.plan(self.model, "--kv-dtype", "?", code=2).stderr
        names = names.split("choose one of ")[1].strip().split(", ")
        self.assertGreater(len(names), 10)
        words = text.replace(",", " ").replace(";", " ").split()
        for word in [*names, "1024s;".strip(";"), "1000s", "KiB",
                     "/proc/meminfo", "--discrete", "(Modular"]:
            self.assertIn(word, words)

    # --- answers

    def test_bandwidth_bounds_the_speed(self):
        self.assertNotIn("decode_tokens_per_second_bound",
                         self.json(self.model, "--budget", "2GiB"))
        slow = self.json(self.model, "--budget", "2GiB", "--bandwidth", "100")
        fast = self.json(self.model, "--budget", "2GiB", "--bandwidth", "273")
        self.assertAlmostEqual(
            fast["decode_tokens_per_second_bound"],
            2.73 * slow["decode_tokens_per_second_bound"], places=3)

    def test_what_does_not_fit_says_why_and_how_to_get_out(self):
        result = self.plan(self.model, "--budget", "1100MiB",
                           "--max-seqs", "1000000", code=3)
        lines = result.stderr.splitlines()
        self.assertTrue(lines[0].startswith("governor: does not fit: "), lines)
        self.assertLessEqual(len(lines), 4)
        self.assertGreater(len(lines), 1)
        for line in lines[1:]:
            self.assertTrue(line.startswith("governor: way out: "), line)
        plan = self.json(self.model, "--budget", "1100MiB",
                         "--max-seqs", "1000000", code=3)
        # The answers are exact: it fits, and the next one does not.
        most = plan["most_seqs"]
        self.plan(self.model, "--budget", "1100MiB", "--max-seqs", str(most))
        self.plan(self.model, "--budget", "1100MiB", "--max-seqs",
                  str(most + 1), code=3)
        enough = plan["smallest_budget_bytes"]
        self.assertEqual(plan["missing_bytes"], enough - (1100 << 20))
        wish = (self.model, "--max-seqs", "1000000", "--budget")
        self.plan(*wish, str(enough))
        self.plan(*wish, str(enough - 1), code=3)

    def test_a_declared_budget_and_the_default_reserve_are_not_added_up(self):
        wish = (self.model, "--device-memory", "128GiB", "--budget")
        plan = self.json(*wish, "95%")
        self.assertNotIn("os_reserve_bytes", plan)
        self.assertIn("more than 120GiB can be granted", " ".join(plan["notes"]))
        self.assertEqual(
            self.plan(*wish, "121GiB").stdout.count("lets 120GiB be granted"), 2)
        self.assertNotIn("be granted", self.plan(*wish, "90%").stdout)

    # --- wrong usage

    def test_a_budget_that_the_device_cannot_hold_is_wrong_usage(self):
        for arguments in [
            ("--budget", "9GiB", "--device-memory", "8GiB"),
            ("--budget", "7GiB", "--device-memory", "8GiB",
             "--os-reserve", "2GiB"),
            # The driver that is asked says 8 GiB.
            ("--budget", "7GiB", "--os-reserve", "2GiB"),
            ("--os-reserve", "8GiB"),
        ]:
            with self.subTest(arguments=arguments):
                self.plan(self.model, *arguments, code=2,
                          parts=["GiB", "too large"])
        self.plan(self.model, "--budget", "8GiB", "--device-memory", "8GiB")

    def test_malformed_options_name_option_value_and_example(self):
        for option, value, part in [
            ("--graphs", "2G", "24GiB"),
            ("--weights", "-1", "24GiB"),
            ("--tp", "0", "tp"),
            ("--tp", "two", "128"),
            ("--pp", "99", "pp"),
            ("--shared-prefix", "+5", "128"),
            ("--draft-tokens", " 5", "128"),
            ("--max-batched-tokens", "1e4", "128"),
            ("--bandwidth", "0", "273"),
            ("--bandwidth", "-1", "273"),
            ("--bandwidth", "nan", "273"),
            ("--bandwidth", "inf", "273"),
            ("--bandwidth", "273GB/s", "273"),
            ("--for", "vlm", "vllm, sglang"),
            ("--platform", "tpu", "cuda or cpu"),
            ("--compute-capability", "12", "12.1"),
            ("--compute-capability", "99.9", "5.0 to 12.1"),
            ("--state-dtype", "fp8", "float32"),
            ("--kv-dtype", "fp3", "bf16"),
            ("--save-profile", "a b", "llama-8b-vllm"),
        ]:
            with self.subTest(option=option, value=value):
                name = part if value in ("0", "99") and part in ("tp", "pp") \
                    else option
                self.plan(self.model, "--budget", "2GiB", f"{option}={value}",
                          code=2, parts=[name, value.strip(), part])

        self.plan(self.model, "--budget", "2GiB", "--pp", "", code=2,
                  parts=["--pp", "128"])

    # --- profiles

    def test_a_profile_is_stored_and_used_by_its_name(self):
        self.plan(self.model, "--budget", "2GiB", "--activations", "100MiB",
                  "--allowance", "200MiB", "--graphs", "50MiB",
                  "--save-profile", "tiny", parts=["tiny", "profiles.json"])
        path = self.path(".config/governor/profiles.json")
        self.assertEqual(os.stat(path).st_mode & 0o7777, 0o600)
        with open(path) as file:
            stored = json.load(file)["profiles"][0]
        self.assertEqual(stored["engine"], "vllm")
        self.assertEqual(stored["driver"], "host driver")
        plan = self.json(self.model, "--budget", "2GiB", "--profile", "tiny")
        self.assertEqual(plan["profile"], "tiny")
        self.assertEqual(plan["activation_bytes"], 100 << 20)
        self.assertEqual(plan["allowance_bytes"], 200 << 20)
        self.assertEqual(plan["graph_bytes"], 50 << 20)
        # What is given wins, and a note says so.
        plan = self.json(self.model, "--budget", "2GiB", "--profile", "tiny",
                         "--activations", "7MiB", "--for", "sglang")
        self.assertEqual(plan["activation_bytes"], 7 << 20)
        notes = "\n".join(plan["notes"])
        self.assertIn(str(7 << 20), notes)
        self.assertIn("another engine", notes)

    def test_saving_over_a_profile_says_so(self):
        save = (self.model, "--budget", "2GiB", "--activations", "1MiB",
                "--allowance", "1MiB", "--save-profile", "p")
        self.plan(*save, parts=["stored profile 'p'"])
        self.plan(*save, parts=["replaced profile 'p'"])
        plan = self.json(self.model, "--budget", "2GiB", "--profile", "p")
        notes = "\n".join(plan["notes"])
        self.assertRegex(notes, r"'p' was stored on \d{4}-\d\d-\d\d for model ")
        self.assertNotIn("measured", notes)

    def test_profiles_are_where_they_are_said_to_be(self):
        save = (self.model, "--budget", "2GiB", "--activations", "1MiB",
                "--allowance", "1MiB", "--save-profile", "p")
        self.plan(*save, GOVERNOR_PROFILES=self.path("a.json"))
        self.plan(*save, "--profiles", self.path("b.json"),
                  GOVERNOR_PROFILES=self.path("a.json"))
        self.plan(*save, XDG_CONFIG_HOME=self.path("xdg"))
        for name in ["a.json", "b.json", "xdg/governor/profiles.json"]:
            self.plan(self.model, "--budget", "2GiB", "--profile", "p",
                      "--profiles", self.path(name))

    def test_a_profile_that_is_not_there_lists_those_that_are(self):
        self.plan(self.model, "--budget", "2GiB", "--profile", "p", code=1,
                  parts=["profiles.json"])
        self.plan(self.model, "--budget", "2GiB", "--activations", "1MiB",
                  "--allowance", "1MiB", "--save-profile", "tiny")
        self.plan(self.model, "--budget", "2GiB", "--profile", "tin", code=1,
                  parts=["'tin'", "it has tiny"])

    def test_a_profile_of_what_was_not_measured_is_not_stored(self):
        self.plan(self.model, "--budget", "2GiB", "--save-profile", "p",
                  "--activations", "1MiB", code=2, parts=["--allowance"])
        self.assertFalse(os.path.exists(self.path(".config")))

    def test_damaged_profiles_are_1_and_stay_as_they_are(self):
        with open(self.path("p.json"), "w") as file:
            file.write("{")
        for arguments in [("--profile", "p"),
                          ("--activations", "1MiB", "--allowance", "1MiB",
                           "--save-profile", "p")]:
            self.plan(self.model, "--budget", "2GiB", *arguments,
                      "--profiles", self.path("p.json"), code=1,
                      parts=["p.json"])
        with open(self.path("p.json")) as file:
            self.assertEqual(file.read(), "{")


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], "-v"])
