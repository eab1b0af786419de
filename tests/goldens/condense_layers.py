#!/usr/bin/env python3
"""Condenses vLLM's layer specs to their dimensions, one model a line.

  condense_layers.py engines.jsonl > vllm_layers.jsonl

Each line has the model's config.json (deciding fields only) and what vLLM made
of its layers on one rank: [spec, layers, first layer, dimensions...]. Nothing
is computed here. Left out are caches that vLLM adds for a compressor's running
state (float32): they follow from the layer they belong to.
"""

import json
import re
import sys

DIMENSIONS = ("num_kv_heads", "head_size", "head_size_v", "sliding_window",
              "attention_chunk_size", "tokens_per_state", "state_shapes")


def wanted(row):
    return (row["kind"] == "kv" and row["tp"] == 1 and row["pp"] == 1 and
            row["variant"] == "default" and row["kv_cache_dtype_arg"] == "auto")


def spec(layer):
    numbers = re.findall(r"\d+", layer["first_layer"])
    result = {"type": layer["type"], "layers": layer["count"],
              "first": int(numbers[0])}
    for key in DIMENSIONS:
        if layer.get(key) is not None:
            value = layer[key]
            result[key] = int(value) if key == "tokens_per_state" else value
    return result


def main():
    models = {}
    for line in open(sys.argv[1], encoding="utf-8"):
        row = json.loads(line)
        if not wanted(row):
            continue
        on_hopper = "capability 9.0" in (row.get("device") or "")
        if row["name"] not in models or on_hopper:
            models[row["name"]] = row
    for name, row in models.items():
        config = dict(row["config"])
        nested = config.pop("_nested_under", None)
        specs = [spec(layer) for layer in row["layer_specs"]
                 if layer.get("dtype") != "float32"]
        print(json.dumps({"name": name, "config": config,
                          "nested_under": nested, "specs": specs},
                         separators=(",", ":")))


main()
