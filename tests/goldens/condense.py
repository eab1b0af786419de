#!/usr/bin/env python3
"""Condenses vLLM's plans to what decided them and what came out.

  condense.py engines.jsonl > vllm_plans.jsonl

Nothing is computed here but sums of an engine's own numbers. First come the
configurations, each once, as {"config": NAME, "json": {...}}; then one line for
each plan, real start or refusal of the engine, which names its configuration.
README.md explains the keys.
"""

import json
import re
import sys

# What the real start and the plan of a row share.
INPUTS = ("tp", "pp", "kv_cache_dtype_arg")


def nested(config):
    """The configuration as the hub has it: some towers are under a key."""
    config = dict(config)
    under = config.pop("_nested_under", None)
    if under is None:
        return config
    return {"architectures": config.pop("architectures"), under: config}


def capability(row):
    found = re.search(r"compute capability (\d+\.\d+)", row.get("device", ""))
    return found.group(1) if found else None


def inputs(row):
    result = {
        "platform": row["platform"],
        "capability": capability(row),
        "kv_dtype": row["kv_cache_dtype_arg"],
        "tp": row["tp"],
        "pp": row.get("pp", 1),
        "variant": row.get("variant", "default"),
        "max_model_len": row.get("max_model_len_arg",
                                 row.get("max_model_len")),
        "available": row.get("available_bytes"),
    }
    arguments = row.get("engine_args") or {}
    speculative = arguments.get("speculative_config") or {}
    optional = {
        "draft_tokens": speculative.get("num_speculative_tokens"),
        "block_size": arguments.get("block_size"),
        "state_dtype": arguments.get("mamba_ssm_cache_dtype"),
        "mamba_cache_mode": arguments.get("mamba_cache_mode"),
        "prefix_caching": arguments.get("enable_prefix_caching"),
        "hybrid_manager": (False if arguments.get(
            "disable_hybrid_kv_cache_manager") else None),
    }
    result.update({k: v for k, v in optional.items() if v is not None})
    return result


def group(row_group):
    result = {
        "type": row_group["type"],
        "caches": row_group["num_layers"],
        "block": row_group["block_size"],
        "page": row_group["page_size_bytes"],
        "blocks": row_group["max_blocks_per_request"],
    }
    if row_group.get("mixed_layers"):
        result["mixed"] = True
    if row_group.get("times", 1) != 1:
        result["times"] = row_group["times"]
    return result


def spec(layer):
    """One kind of cache on the first stage: how many, block, page, content."""
    content = layer.get("unpadded_page_size_bytes", layer.get("state_bytes"))
    return [layer["count"], layer["type"], layer["block_size"],
            layer["page_size_bytes"], content]


def plan(row):
    result = inputs(row)
    result["in_flight"] = row["max_in_flight_tokens"]
    # Derived sums of the engine's numbers are left to the test.
    result["out"] = {
        "cache_dtype": row["cache_dtype_resolved"],
        "block_size": row["block_size"],
        "specs": [spec(layer) for layer in row["layer_specs"]],
        "groups": [group(g) for g in row["groups"]],
        "bytes_per_block": row["bytes_per_block"],
        "num_blocks": row["num_blocks"],
        "tokens": row["tokens"],
        "max_concurrency": row["max_concurrency"],
        "max_model_len": row.get("max_model_len_fitted",
                                 row["max_model_len"]),
    }
    for key in ("layers_per_stage", "bytes_per_block_per_stage",
                "num_blocks_per_stage"):
        if key in row:
            result["out"][key] = row[key]
    return result


def anchor(row):
    result = inputs(row)
    result["out"] = {
        "num_blocks": row["num_blocks"],
        "engine_block_size": row["engine_block_size"],
        "tokens": row["tokens"],
        "bytes_per_block": row["probe"]["bytes_per_block"],
    }
    return result


def main():
    configs = {}

    def name_of(row):
        config = nested(row["config"])
        # Real starts ran with fewer layers and experts.
        cut = row.get("cut_fields") or {}
        config.update(cut)
        name = row["name"] + ("-cut" if cut else "")
        if configs.setdefault(name, config) != config:
            raise ValueError(f"two configurations of {name}")
        return name

    lines = []
    with open(sys.argv[1], encoding="utf-8") as source:
        for line in source:
            row = json.loads(line)
            if "vllm" not in row.get("engine", ""):
                continue
            if row["kind"] == "kv":
                kind, content = "plan", plan(row)
            elif row["kind"] == "engine anchor":
                kind, content = "start", anchor(row)
            elif row["kind"] == "refusal" and row["refused_by_engine"]:
                kind, content = "refusal", inputs(row)
                content["message"] = row["message"].split("\n")[-1][:160] \
                    if row["message"].startswith("Validation") else \
                    row["message"][:160]
            else:
                continue
            lines.append({"kind": kind, "model": name_of(row), **content})

    def write(value):
        print(json.dumps(value, separators=(",", ":")))

    for name, config in configs.items():
        write({"config": name, "json": config})
    for line in lines:
        write(line)


if __name__ == "__main__":
    main()
