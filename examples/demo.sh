#!/usr/bin/env bash
# The main job on a real model, from nothing: sets up, builds, plans SmolLM2-135M, and runs
# examples/demo.cc on it (on the GPU where there is one, else on the host driver).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

bash third_party/setup.sh build
bash third_party/setup.sh model
bazel build //:cli //examples:demo >&2

model=third_party/.cache/models/SmolLM2-135M-Instruct.Q4_1.gguf
bazel-bin/governor/cli/governor plan "$model" --budget 2GiB
bazel-bin/examples/demo "$model"
