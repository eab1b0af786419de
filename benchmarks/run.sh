#!/usr/bin/env bash
# Builds and runs the benchmarks, each beside its baseline in the same run.
# GOVERNOR_TEST_DRIVER=cuda: on the machine's GPU.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
bash third_party/setup.sh build
bazel build //benchmarks/... //bindings/python:governor
bazel-bin/benchmarks/budget_benchmark
bazel-bin/benchmarks/chunk_cycle_benchmark
bazel-bin/benchmarks/elastic_region_benchmark
bazel-bin/benchmarks/plan_benchmark
bazel-bin/benchmarks/model_header_benchmark
bazel run //benchmarks:mem_get_info_benchmark
