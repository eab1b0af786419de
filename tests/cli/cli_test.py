"""The command line, as users and scripts meet it: output, exit codes, mistakes."""

import json
import os
import resource
import subprocess
import sys
import tempfile
import unittest

from tests.cli import gguf_file

GOVERNOR = os.path.join(
    os.environ["TEST_SRCDIR"], "governor", "governor", "cli", "governor")


def run(*arguments, **environment):
    """Runs governor; no command may need much memory, whatever it is given."""
    # The sanitizers reserve terabytes of addresses; they bound memory themselves.
    limit = None
    if "ASAN_OPTIONS" not in os.environ and "TSAN_OPTIONS" not in os.environ:
        limit = lambda: resource.setrlimit(
            resource.RLIMIT_DATA, (1 << 30, 1 << 30))
    return subprocess.run(
        [GOVERNOR, *arguments],
        env={"PATH": "/usr/bin:/bin",
             "GOVERNOR_SHARE_DIR": os.environ["GOVERNOR_SHARE_DIR"], **environment},
        stdin=subprocess.DEVNULL, capture_output=True, text=True,
        errors="surrogateescape", timeout=300,
        preexec_fn=limit)


class CliTest(unittest.TestCase):

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.model = self.write("model.gguf", gguf_file.llama())

    def write(self, name, data):
        path = os.path.join(self.folder.name, name)
        with open(path, "wb") as file:
            file.write(data)
        return path

    def broken_cuda(self, name):
        """A folder whose libcuda.so.1 cannot be loaded."""
        path = os.path.join(self.folder.name, name)
        os.makedirs(path, exist_ok=True)
        with open(os.path.join(path, "libcuda.so.1"), "wb") as file:
            file.write(b"no library" * 1000)
        return path

    def expect(self, result, code, *parts):
        self.assertEqual(result.returncode, code, result.stderr)
        for part in parts:
            self.assertIn(part, result.stderr)

    def test_plan_gives_numbers_that_add_up(self):
        result = run("plan", self.model, "--budget", "2GiB", "--json")
        self.expect(result, 0)
        plan = json.loads(result.stdout)
        # 2 layers, 2 KV heads of 16, K and V, 2 bytes.
        self.assertEqual(plan["kv_bytes_per_token"], 2 * 2 * 16 * 2 * 2)
        self.assertEqual(plan["block_bytes"], 16 * plan["kv_bytes_per_token"])
        self.assertEqual(plan["kv_bytes"], plan["num_blocks"] * plan["block_bytes"])
        self.assertIs(plan["fits"], True)
        self.assertEqual(plan["model"]["architecture"], "llama")
        self.assertLessEqual(
            plan["weights_bytes"] + plan["allowance_bytes"]
            + plan["activation_bytes"] + plan["kv_bytes"] + plan["left_bytes"],
            plan["budget_bytes"])

    def test_plan_says_when_it_does_not_fit_and_what_would(self):
        result = run("plan", self.model, "--budget", "1GiB", "--json")
        self.expect(result, 3)
        self.assertIs(json.loads(result.stdout)["fits"], False)
        self.assertNotEqual(result.stderr, "")
        table = run("plan", self.model, "--budget", "1GiB")
        self.assertEqual(table.returncode, 3)
        self.assertIn("budget", table.stdout)

    def test_plan_is_the_same_every_time(self):
        outputs = {
            run("plan", self.model, "--json", GOVERNOR_DRIVER="host",
                GOVERNOR_HOST_DRIVER="gb10,memory=8GiB").stdout
            for _ in range(3)
        }
        self.assertEqual(len(outputs), 1)
        self.assertEqual(json.loads(outputs.pop())["budget_bytes"], 7 << 30)

    def test_plan_takes_its_budget_from_the_environment(self):
        result = run("plan", self.model, "--json", GOVERNOR_BUDGET="3GiB")
        self.expect(result, 0)
        self.assertEqual(json.loads(result.stdout)["budget_bytes"], 3 << 30)
        result = run("plan", self.model, "--json", "--budget", "2GiB",
                     GOVERNOR_BUDGET="3GiB")
        self.assertEqual(json.loads(result.stdout)["budget_bytes"], 2 << 30)
        result = run("plan", self.model, "--json", "--budget", "50%",
                     "--device-memory", "16GiB")
        self.assertEqual(json.loads(result.stdout)["budget_bytes"], 8 << 30)

    def test_plan_takes_an_allowance_as_part_of_the_budget(self):
        for arguments, environment in [
            (["--budget", "4GiB"], {"GOVERNOR_ALLOWANCE": "25%"}),
            (["--budget", "50%", "--device-memory", "8GiB"],
             {"GOVERNOR_ALLOWANCE": "25%"}),
            (["--budget", "4GiB", "--allowance", "1GiB"],
             {"GOVERNOR_ALLOWANCE": "10%"}),
            (["--allowance", "25%"], {"GOVERNOR_BUDGET": "4GiB"}),
        ]:
            with self.subTest(arguments=arguments):
                result = run("plan", self.model, "--json", *arguments,
                             **environment)
                self.expect(result, 0)
                self.assertEqual(json.loads(result.stdout)["allowance_bytes"],
                                 1 << 30)
        result = run("plan", self.model, "--json", "--budget", "2GiB",
                     GOVERNOR_ALLOWANCE="10%")
        self.assertEqual(json.loads(result.stdout)["allowance_bytes"],
                         (2 << 30) // 10)

    def test_plan_asks_for_a_device_only_where_it_needs_one(self):
        for arguments, code in [
            (["--budget", "2GiB"], 0),
            (["--kv-memory", "1GiB"], 0),
            (["--device-memory", "8GiB"], 0),
            (["--budget", "2GiB", "--os-reserve", "1GiB"], 1),
            ([], 1),
        ]:
            with self.subTest(arguments=arguments):
                result = run("plan", self.model, *arguments, "--driver", "cuda",
                             LD_LIBRARY_PATH=self.broken_cuda("broken"))
                self.assertEqual(result.returncode, code, result.stderr)

    def test_stat_adds_up(self):
        result = run("stat", "--json", "--driver", "host",
                     GOVERNOR_HOST_DRIVER="gb10,memory=8GiB,context=100MiB")
        self.expect(result, 0)
        self.assertEqual(result.stderr, "")
        stat = json.loads(result.stdout)
        parts = ["governed_bytes", "unmanaged_bytes", "other_processes_bytes",
                 "os_bytes", "evictable_bytes", "free_bytes"]
        self.assertEqual(sum(stat[part] for part in parts), stat["total_bytes"])
        self.assertEqual(stat["total_bytes"], 8 << 30)
        self.assertEqual(stat["unmanaged_bytes"], 100 << 20)
        self.assertIn("total", run("stat", "--driver", "host").stdout)

    def test_stat_looks_at_a_budget_below_the_default_allowance(self):
        for budget, size in [("512MiB", 512 << 20), ("5%", (8 << 30) // 20)]:
            with self.subTest(budget=budget):
                result = run("stat", "--json", GOVERNOR_BUDGET=budget,
                             GOVERNOR_DRIVER="host",
                             GOVERNOR_HOST_DRIVER="gb10,memory=8GiB")
                self.expect(result, 0)
                stat = json.loads(result.stdout)
                self.assertEqual(stat["budget_bytes"], size)
                self.assertEqual(stat["allowance_bytes"], size)
        # Of two that were declared neither gives way.
        self.expect(run("stat", "--driver", "host", GOVERNOR_BUDGET="512MiB",
                        GOVERNOR_ALLOWANCE="1GiB"), 2, "allowance")

    def test_with_a_broken_cuda_it_says_so_and_goes_on(self):
        broken = self.broken_cuda("broken")
        self.expect(run("stat", LD_LIBRARY_PATH=broken), 0, broken,
                    "host driver")
        self.expect(run("stat", "--driver", "cuda", LD_LIBRARY_PATH=broken), 1,
                    broken)
        result = run("doctor", "--driver", "cuda", LD_LIBRARY_PATH=broken)
        self.expect(result, 1, broken)
        self.assertIn("lack  CUDA driver", result.stdout)
        self.assertIn(broken, result.stdout)
        result = run("doctor", "--driver", "cuda", "--json",
                     LD_LIBRARY_PATH=broken)
        self.expect(result, 1, broken)
        report = json.loads(result.stdout)
        self.assertIsNone(report["driver"])
        self.assertIn(broken, report["cuda_problem"])
        on_host = json.loads(run("doctor", "--driver", "host", "--json").stdout)
        self.assertEqual(list(report), list(on_host))

    def test_what_nobody_foresaw_is_a_message_and_1(self):
        # JSON cannot hold this path.
        self.expect(run("doctor", "--json",
                        LD_LIBRARY_PATH=self.broken_cuda("\udcff")),
                    1, "governor: ")

    def test_without_cuda_it_says_so_and_goes_on(self):
        if run("stat", "--driver", "cuda").returncode == 0:
            self.skipTest("this machine has a GPU")
        self.expect(run("stat"), 0, "libcuda.so.1", "host driver")
        self.expect(run("doctor"), 0, "libcuda.so.1")
        self.expect(run("stat", "--driver", "cuda"), 1, "libcuda.so.1",
                    "driver=\"host\"")
        report = json.loads(run("doctor", "--json").stdout)
        self.assertEqual(report["driver"], "host")
        self.assertIn("libcuda.so.1", report["cuda_problem"])

    def test_doctor_names_what_a_device_lacks(self):
        result = run("doctor", "--driver", "host", GOVERNOR_HOST_DRIVER="old")
        self.expect(result, 0)
        self.assertIn("lack  virtual memory", result.stdout)
        self.expect(run("stat", "--driver", "host", GOVERNOR_HOST_DRIVER="old"),
                    1, "virtual memory")

    def test_help_of_every_command_has_an_example(self):
        self.assertEqual(run("--help").returncode, 0)
        for command in ["plan", "stat", "doctor"]:
            result = run(command, "--help")
            self.assertEqual(result.returncode, 0)
            self.assertIn(f"Example: governor {command}", result.stdout)

    def test_wrong_usage_is_2_and_names_what_was_given(self):
        for arguments, parts in [
            ((), ["subcommand"]),
            (("frobnicate",), ["frobnicate"]),
            (("plan",), ["MODEL"]),
            (("plan", self.model, "--frobnicate"), ["--frobnicate"]),
            (("plan", self.model, self.model), [self.model]),
            (("plan", self.model, "--driver", "nvidia"), ["nvidia", "host"]),
            (("plan", self.model, "--budget", "2GiB", "--driver", "nvidia"),
             ["--driver", "nvidia", "host"]),
            (("plan", self.model, "--kv-memory", "1GiB", "--driver", "nvidia"),
             ["--driver", "nvidia", "host"]),
            # Before the file is looked at.
            (("plan", "absent.gguf", "--driver", "nvidia"), ["nvidia"]),
            (("stat", "--driver", "nvidia"), ["--driver", "nvidia", "host"]),
            (("doctor", "--driver", "nvidia"), ["--driver", "nvidia", "host"]),
            (("stat", "--device", "x"), ["x"]),
            (("stat", "--driver", "host", "--device", "7"), ["7"]),
            (("plan", self.model, "--kv-dtype", "fp3"), ["fp3", "bf16"]),
            (("plan", self.model, "--budget", "2GiB", "--block-tokens", "0"),
             ["block_tokens"]),
            (("plan", self.model, "--budget", "2GiB", "--block-tokens",
              "9223372036854775808"), ["9223372036854775808"]),
            (("plan", self.model, "--budget", "2GiB", "--block-tokens", "-1"),
             ["--block-tokens", "-1"]),
            (("plan", self.model, "--budget", "2GiB", "--max-seqs", "1e9"),
             ["--max-seqs", "1e9"]),
        ]:
            with self.subTest(arguments=arguments):
                self.expect(run(*arguments), 2, *parts)

    def test_malformed_sizes_are_2_and_name_what_was_given(self):
        for option in ["--budget", "--allowance", "--activations",
                       "--kv-memory", "--os-reserve", "--device-memory"]:
            for size in ["24G", "1 GiB", "-1GiB", "1e9", "99999999999GiB", "GiB"]:
                with self.subTest(option=option, size=size):
                    arguments = ["plan", self.model, f"{option}={size}"]
                    if option != "--budget":
                        arguments += ["--budget", "2GiB"]
                    self.expect(run(*arguments), 2, option, size, "24GiB")
        self.expect(run("plan", self.model, "--budget", ""), 2, "--budget")
        self.expect(run("plan", self.model, "--driver", ""), 2, "--driver")
        self.expect(run("plan", self.model, "--device-memory", "50%"), 2,
                    "--device-memory", "50%")
        self.expect(run("plan", self.model, "--kv-dtype", ""), 2, "--kv-dtype")
        self.expect(run("plan", self.model, GOVERNOR_BUDGET="lots"), 2,
                    "GOVERNOR_BUDGET", "lots")
        # Used or not.
        for arguments in [("stat", "--driver", "host"),
                          ("plan", self.model, "--budget", "2GiB")]:
            self.expect(run(*arguments, GOVERNOR_HOST_DRIVER="gb11"), 2,
                        "GOVERNOR_HOST_DRIVER", "gb11", "gb10")
        self.expect(run("stat", GOVERNOR_DRIVER="host", GOVERNOR_SHARE="x"), 1,
                    "GOVERNOR_SHARE")

    def test_what_is_no_model_file_is_named(self):
        whole = gguf_file.llama()
        pipe = os.path.join(self.folder.name, "pipe")
        os.mkfifo(pipe)
        empty = os.path.join(self.folder.name, "empty")
        os.mkdir(empty)
        for path, part in [
            (os.path.join(self.folder.name, "absent.gguf"), "absent.gguf"),
            (empty, "folder is empty"),
            (pipe, "pipe"),
            ("/dev/zero", "device"),
            (self.write("empty.gguf", b""), "empty"),
            (self.write("zip.gguf", b"PK\x03\x04" + bytes(100)), "zip"),
            (self.write("text.gguf", b"hello, this is no model"), "text.gguf"),
            (self.write("short.gguf", whole[:200]), "short.gguf"),
            (self.write("cut.gguf", whole[:-1]), "cut.gguf"),
        ]:
            with self.subTest(path=path):
                self.expect(run("plan", path, "--budget", "2GiB"), 1, part)

    def test_lying_headers_are_refused_without_memory_for_them(self):
        magic = b"GGUF" + (3).to_bytes(4, "little")
        huge = (1 << 63).to_bytes(8, "little")
        one = (1).to_bytes(8, "little")
        for name, data in {
            "tensors": magic + huge + one,
            "metadata": magic + one + huge,
            "both": magic + b"\xff" * 16,
            "key": magic + one + one + huge,
        }.items():
            with self.subTest(name=name):
                path = self.write(name + ".gguf", data + bytes(64))
                self.expect(run("plan", path, "--budget", "2GiB"), 1, path)

    def test_a_full_disk_is_no_success(self):
        with open("/dev/full", "w") as full:
            result = subprocess.run(
                [GOVERNOR, "plan", self.model, "--budget", "2GiB"],
                stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
        self.expect(result, 1, "standard output")


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], "-v"])
