"""Compares governor's plans with what vLLM answered for the same models.

The answers are lines of vllm_cpu_plans.py. For each of them governor is given
the same config.json, memory, dtype, ranks and length, and must say the same:

- pages: how many caches there are of each block size and page size, by group,
  and how much of a page is padding,
- per-layer bytes: of one token, for each layer whose cache grows with the
  sequence (windows, chunks and states do not: their pages are compared),
- the bytes of a block of the pool, and how many blocks there are,
- and that it does not fit, where vLLM refuses.

Tokens in total are compared too; they are a column of their own.
"""

import argparse
import collections
import dataclasses
import json
import os
import subprocess
import sys

GROWING = ("FullAttentionSpec", "MLAAttentionSpec")
STATES = ("MambaSpec",)
DOES_NOT_FIT = 3


@dataclasses.dataclass
class Numbers:
    """One plan, as either side has it."""
    # Groups of (caches, block tokens, page bytes, of them padding).
    pages: collections.Counter
    token_bytes: list  # by layer; None: not compared
    block_tokens: int
    block_bytes: int
    num_blocks: int
    tokens: int

    def differences(self, other):
        """What differs from `other`; tokens in total are left to the caller."""
        found = []
        for field in ("pages", "block_tokens", "block_bytes", "num_blocks"):
            mine, its = getattr(self, field), getattr(other, field)
            if mine != its:
                found.append(f"{field}: {show(mine)}, vLLM {show(its)}")
        if len(self.token_bytes) != len(other.token_bytes):
            found.append(f"layers: {len(self.token_bytes)}, "
                         f"vLLM {len(other.token_bytes)}")
            return found
        for layer, its in enumerate(other.token_bytes):
            mine = self.token_bytes[layer]
            if its is not None and mine != its:
                found.append(f"bytes of a token in layer {layer}: {mine}, "
                             f"vLLM {its}")
                break
        return found


@dataclasses.dataclass
class Outcome:
    """What became of one plan that vLLM was asked for."""
    answer: dict  # vLLM's line
    available: int
    vllm: Numbers  # None: refused
    governor: Numbers  # None: does not fit, or failed
    differences: list
    tokens_equal: bool


def show(value):
    if isinstance(value, collections.Counter):
        return ", ".join(f"{times} x {key}" for key, times in
                         sorted(value.items(), key=repr))
    return str(value)


def layers_of(folder):
    """Decoder layers, attention or not, that config.json counts."""
    with open(os.path.join(folder, "config.json"), encoding="utf-8") as file:
        config = json.load(file)
    for key in ("num_hidden_layers", "decoder_layers"):
        if key in config:
            return config[key]
    raise KeyError(f"{folder}: config.json has no count of layers")


def family_of(folder):
    with open(os.path.join(folder, "config.json"), encoding="utf-8") as file:
        return json.load(file)["model_type"]


def of_vllm(answer, plan, layers):
    pages = collections.Counter()
    for group in answer["groups"]:
        state = group["type"] in STATES
        pages[(group["caches"], None if state else group["block_tokens"],
               group["page_bytes"],
               group["page_bytes"] - group["unpadded_bytes"])] += group["times"]
    token_bytes = [0] * layers
    for kind in answer["layers"]:
        for layer in kind["layers"]:
            if kind["type"] in GROWING:
                token_bytes[layer] += kind["bytes_per_token"]
            elif kind["type"] not in STATES and token_bytes[layer] == 0:
                token_bytes[layer] = None
    return Numbers(pages, token_bytes, answer["block_tokens"],
                   answer["block_bytes"], plan["num_blocks"], plan["tokens"])


def of_governor(plan):
    pages = collections.Counter()
    for group in plan["groups"]:
        state = "state" in group["kind"]
        pages[(group["caches"], None if state else group["block_tokens"],
               group["page_bytes"], group["padding_bytes"])] += 1
    return Numbers(
        pages,
        [layer["kv_bytes_per_token"] for layer in plan["model"]["layers"]],
        plan["block_tokens"], plan["block_bytes"], plan["num_blocks"],
        plan["max_tokens"])


def command_line(governor, folder, answer, available):
    line = [governor, "plan", folder, "--for", "vllm", "--platform", "cpu",
            "--kv-memory", str(available),
            "--max-model-len", str(answer["max_model_len"]),
            "--tp", str(answer["tp"]), "--json"]
    if answer["kv_dtype"] != "auto":
        line += ["--kv-dtype", answer["kv_dtype"]]
    return line


def compare_one(governor, folder, answer, plan):
    available = plan["available_bytes"]
    refused = "refused" in plan
    vllm = None if refused else of_vllm(answer, plan, layers_of(folder))
    result = subprocess.run(
        command_line(governor, folder, answer, available),
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    outcome = Outcome(answer, available, vllm, None, [], False)
    if result.returncode not in (0, DOES_NOT_FIT):
        outcome.differences = [
            f"governor exits with {result.returncode}: {result.stderr.strip()}"]
        return outcome
    fits = result.returncode == 0
    if fits == refused:
        outcome.differences = [
            f"{'fits' if fits else 'does not fit'}, "
            f"vLLM {'refuses' if refused else 'starts'}"]
    if fits:
        try:
            outcome.governor = of_governor(json.loads(result.stdout))
        except (KeyError, ValueError) as error:
            outcome.differences = [f"what governor prints has no {error}"]
            return outcome
    if fits and not refused:
        outcome.differences = outcome.governor.differences(vllm)
        outcome.tokens_equal = outcome.governor.tokens == vllm.tokens
    elif refused and not fits:
        outcome.tokens_equal = True
    return outcome


def compare(governor, configs, answers):
    """An Outcome for each plan that vLLM was asked for and answered."""
    return [compare_one(governor, os.path.join(configs, answer["model"]),
                        answer, plan)
            for answer in answers if "error" not in answer
            for plan in answer["plans"]]


def read_answers(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.startswith("{")]


def cell(numbers):
    """A plan in a cell of the table."""
    if numbers is None:
        return "-"
    by_layer = collections.Counter()
    for (caches, block, page, _), groups in numbers.pages.items():
        by_layer[(page, block)] += caches * groups
    pages = " + ".join(
        f"{count} x {page:,}" + ("" if block is None else f" B/{block}")
        + (" B state" if block is None else "")
        for (page, block), count in sorted(
            by_layer.items(), key=lambda item: (item[0][1] is None, item[0])))
    return (f"{pages}; block {numbers.block_bytes:,} B; "
            f"{numbers.num_blocks:,} blocks")


def gib(outcome):
    return f"{outcome.available / 2**30:g} GiB"


def table(outcomes, configs):
    """One row a model: its first plan, and how many of all are equal."""
    by_model = collections.defaultdict(list)
    for outcome in outcomes:
        by_model[outcome.answer["model"]].append(outcome)
    lines = ["| family | model | vLLM says | governor says | plans equal "
             "| tokens equal |", "|---|---|---|---|---|---|"]
    for model, rows in by_model.items():
        family = family_of(os.path.join(configs, model))
        first = next((row for row in rows if row.vllm), rows[0])
        mine, its = cell(first.governor), cell(first.vllm)
        equal = sum(not row.differences for row in rows)
        tokens = sum(row.tokens_equal for row in rows)
        lines.append(f"| {family} | {model} | {gib(first)}: {its} | "
                     f"{'the same' if mine == its else mine} | "
                     f"{equal} of {len(rows)} | {tokens} of {len(rows)} |")
    return "\n".join(lines)


def title(outcome):
    answer = outcome.answer
    return (f"{answer['model']}, kv dtype {answer['kv_dtype']}, "
            f"tp {answer['tp']}, {gib(outcome)}")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("governor", help="the program")
    parser.add_argument("answers", help="lines of vllm_cpu_plans.py")
    parser.add_argument("--configs", default=os.path.join(
        os.path.dirname(os.path.abspath(__file__)), "configs"),
        help="folder with a folder for each model")
    options = parser.parse_args()

    answers = read_answers(options.answers)
    outcomes = compare(options.governor, options.configs, answers)
    print(table(outcomes, options.configs))
    different = [outcome for outcome in outcomes if outcome.differences]
    print()
    for outcome in different:
        print(f"- {title(outcome)}: {'; '.join(outcome.differences)}")
    for answer in answers:
        if "error" in answer:
            print(f"- {answer['model']}, kv dtype {answer['kv_dtype']}, "
                  f"tp {answer['tp']}: not compared, vLLM: "
                  + " ".join(answer["error"].split()))
    print(f"\n{len(outcomes) - len(different)} of {len(outcomes)} plans are "
          f"equal, {sum(o.tokens_equal for o in outcomes)} with their tokens")
    return 0 if outcomes and not different else 1


if __name__ == "__main__":
    sys.exit(main())
