"""The comparison itself: it must see a difference."""

import json
import os
import stat
import tempfile
import unittest

from tests.engines import compare

ANSWER = {
    "model": "m", "tp": 1, "kv_dtype": "auto", "max_model_len": 100,
    "max_num_batched_tokens": 2048, "block_tokens": 16, "block_bytes": 300,
    "groups": [
        {"type": "FullAttentionSpec", "caches": 2, "block_tokens": 16,
         "page_bytes": 150, "unpadded_bytes": 144, "times": 1},
        {"type": "MambaSpec", "caches": 2, "block_tokens": 100,
         "page_bytes": 150, "unpadded_bytes": 140, "times": 2}],
    "layers": [
        {"type": "FullAttentionSpec", "bytes_per_token": 9, "layers": [0, 2]},
        {"type": "MambaSpec", "state_bytes": 140, "layers": [1, 3, 4, 5]}],
    "plans": [
        {"available_bytes": 3000, "num_blocks": 10, "tokens": 70},
        {"available_bytes": 300, "refused": "too little"}],
}


def governor_plan():
    state = {"kind": "state", "caches": 2, "block_tokens": 16,
             "page_bytes": 150, "padding_bytes": 10}
    return {
        "block_tokens": 16, "block_bytes": 300, "num_blocks": 10,
        "max_tokens": 70,
        "groups": [state, {"kind": "full", "caches": 2, "block_tokens": 16,
                           "page_bytes": 150, "padding_bytes": 6}, state],
        "model": {"layers": [{"kv_bytes_per_token": size}
                             for size in (9, 0, 9, 0, 0, 0)]},
    }


class CompareTest(unittest.TestCase):

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.configs = folder.name
        os.mkdir(os.path.join(self.configs, "m"))
        self.write("m/config.json", json.dumps(
            {"model_type": "hybrid", "num_hidden_layers": 6}))

    def write(self, name, text):
        path = os.path.join(self.configs, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def outcomes(self, plan, enough=3000):
        """With a program that says `plan`, and exits with 3 below `enough`."""
        path = self.write("governor", f"""#!/bin/sh
while [ "$1" != --kv-memory ]; do shift; done
echo '{json.dumps(plan)}'
[ "$2" -ge {enough} ] || exit 3
""")
        os.chmod(path, stat.S_IRWXU)
        return compare.compare(path, self.configs, [ANSWER])

    def test_equal_plans_are_equal_whatever_the_order_of_groups(self):
        for outcome in self.outcomes(governor_plan()):
            self.assertEqual(outcome.differences, [])
            self.assertTrue(outcome.tokens_equal)

    def test_every_number_counts(self):
        def one_more(plan, *path):
            for key in path[:-1]:
                plan = plan[key]
            plan[path[-1]] += 1

        for path in (("block_tokens",), ("block_bytes",), ("num_blocks",),
                     ("groups", 0, "caches"), ("groups", 0, "page_bytes"),
                     ("groups", 0, "padding_bytes"),
                     ("groups", 1, "block_tokens"),
                     ("model", "layers", 2, "kv_bytes_per_token"),
                     ("model", "layers", 3, "kv_bytes_per_token")):
            with self.subTest(path):
                plan = governor_plan()
                one_more(plan, *path)
                self.assertEqual(
                    len(self.outcomes(plan)[0].differences), 1)

    def test_a_missing_layer_counts(self):
        plan = governor_plan()
        del plan["model"]["layers"][5]
        self.assertEqual(len(self.outcomes(plan)[0].differences), 1)

    def test_what_vllm_refuses_must_not_fit(self):
        self.assertEqual(self.outcomes(governor_plan(), enough=300)[1]
                         .differences, ["fits, vLLM refuses"])
        self.assertEqual(self.outcomes(governor_plan(), enough=3001)[0]
                         .differences, ["does not fit, vLLM starts"])

    def test_a_program_that_fails_is_a_difference(self):
        program = self.write("governor", "#!/bin/sh\nexit 2\n")
        os.chmod(program, stat.S_IRWXU)
        for outcome in compare.compare(program, self.configs,
                                       [ANSWER]):
            self.assertIn("exits with 2", outcome.differences[0])

    def test_tokens_are_counted_apart(self):
        plan = governor_plan()
        plan["max_tokens"] = 71
        outcome = self.outcomes(plan)[0]
        self.assertEqual((outcome.differences, outcome.tokens_equal),
                         ([], False))

    def test_the_table_counts_what_is_equal(self):
        plan = governor_plan()
        plan["num_blocks"] = 11
        table = compare.table(self.outcomes(plan), self.configs)
        self.assertIn("| hybrid | m |", table)
        self.assertIn("1 of 2", table)


if __name__ == "__main__":
    unittest.main()
