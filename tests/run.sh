#!/usr/bin/env bash
# Sets this machine up and runs every kind of test; CI runs just this (.ci/run).
#
#   bash tests/run.sh [--long]
#
#                      quick (default)           --long
#   Bazel tests        as written                the same (GOVERNOR_TEST_LONG=1), an hour each at most
#   each fuzz target   10 s                      10 min
#   on 2 cores         under 30 min              40 min
#
# A failing step does not stop the next. The last line is `N passed, N failed`: Bazel's test
# targets, once for each step that runs them, and one for each check outside Bazel.
# Exit: 0 all passed · 1 some failed, or none ran · 2 wrong usage, or set-up impossible.
set -euo pipefail

fuzz_seconds=10
size=()
for argument in "$@"; do
  case $argument in
    --long)
      fuzz_seconds=600
      size=(--test_env=GOVERNOR_TEST_LONG=1 --test_timeout=3600)
      ;;
    --help)
      sed -n '2,/^set /s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" # the comment above
      exit 0
      ;;
    *)
      printf '%s: unknown option\nusage: bash tests/run.sh [--long]\n' "$argument" >&2
      exit 2
      ;;
  esac
done

cd "$(dirname "${BASH_SOURCE[0]}")/.."
bash third_party/setup.sh test || exit 2

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# An interrupt ends the whole run, where Bazel would only end its step.
trap 'exit 130' INT TERM

# Links that a Bazel with another output base left: //... would read them as source folders.
find . -maxdepth 1 -type l -name 'bazel-*' -delete

passed=0
failures=()
durations=()

# step HEADING COMMAND...
step() {
  local heading=$1 started=$SECONDS duration
  shift
  printf '\n=== %s\n' "$heading"
  "$@"
  duration=$(printf '%4d s' $((SECONDS - started)))
  echo "--- $duration"
  durations+=("$duration  $heading")
}

# check NAME COMMAND...: one check outside Bazel; its output is shown when it fails.
check() {
  local name=$1
  shift
  if "$@" >"$scratch/output" 2>&1; then
    passed=$((passed + 1))
    echo "passed: $name"
  else
    failures+=("$name")
    tail -n 60 "$scratch/output"
    echo "FAILED: $name"
  fi
}

# Prints how many test targets passed, then each target that failed, from Bazel's record of
# events: a test that was to run and has no good summary, or anything that did not build.
read_events() {
  /usr/bin/python3 - "$1" <<'PYTHON'
import json
import sys

wanted, good = set(), set()
for line in open(sys.argv[1], errors="replace"):
    try:
        event = json.loads(line)
    except ValueError:  # the last line, when Bazel died
        continue
    name = event["id"]
    if "targetConfigured" in name and "testSize" in event.get("configured", {}):
        wanted.add(name["targetConfigured"]["label"])
    elif "testSummary" in name:
        wanted.add(name["testSummary"]["label"])
        if event["testSummary"]["overallStatus"] == "PASSED":
            good.add(name["testSummary"]["label"])
    elif "targetCompleted" in name and not event.get("completed", {}).get("success"):
        wanted.add(name["targetCompleted"]["label"])
print(len(good), *sorted(wanted - good), sep="\n")
PYTHON
}

# In a log, the summaries say enough.
progress=()
[[ -t 2 ]] || progress=(--noshow_progress --noshow_loading_progress --color=no)

# bazel_test NAME ARGUMENT...: `bazel test ARGUMENT...`, each test target counted.
bazel_test() {
  local name=$1 status=0 results label
  shift
  : >"$scratch/events"
  bazel test --keep_going --build_event_json_file="$scratch/events" \
    "${progress[@]}" "${size[@]}" "$@" || status=$?
  mapfile -t results < <(read_events "$scratch/events")
  passed=$((passed + results[0]))
  for label in "${results[@]:1}"; do
    failures+=("$label ($name)")
  done
  # There was no test, or Bazel itself failed.
  if ((status != 0 && ${#results[@]} == 1)); then
    failures+=("bazel test, status $status ($name)")
  fi
}

# Every fuzz target, from its committed corpus on, as many at a time as there are cores. What they
# find goes to no file of the tree.
fuzz() {
  local target name
  if ! bazel build "${progress[@]}" --config=fuzz //tests/fuzz/...; then
    failures+=("//tests/fuzz does not build")
    return
  fi
  bazel query --noshow_progress 'filter("_fuzz$", //tests/fuzz:all)' >"$scratch/targets"
  # A crash prints its input in base64; it belongs into the corpus.
  # shellcheck disable=SC2016
  xargs --max-procs="$(nproc)" --replace={} bash -c '
    name=${1##*:}
    mkdir "$2/$name"
    "bazel-bin/tests/fuzz/$name" -max_total_time="$3" -malloc_limit_mb=64 -timeout=10 \
      -artifact_prefix="${TMPDIR:-/tmp}/$name-" "$2/$name" "tests/fuzz/corpus/${name%_fuzz}" \
      >"$2/$name.log" 2>&1 && touch "$2/$name.passed"' \
    fuzz {} "$scratch" "$fuzz_seconds" <"$scratch/targets" || true
  while read -r target; do
    name=${target##*:}
    # Shows what it printed if it did not pass.
    # shellcheck disable=SC2016
    check "$target, $fuzz_seconds s" bash -c \
      'cat "$1.log"; test -e "$1.passed"' fuzz "$scratch/$name"
  done <"$scratch/targets"
}

sources() {
  check "clang-format" bash -c \
    'git ls-files -z "*.c" "*.cc" "*.h" | xargs -0 clang-format-14 --dry-run -Werror'
  check "shellcheck" bash -c 'git ls-files -z "*.sh" .ci/run | xargs -0 shellcheck'
}

# Four builds of everything would not fit into CI's 45 minutes, so each proves several things and
# only the first builds more than tests. In order of usefulness:

# g++, optimised, sandboxed, with examples, bindings and benchmarks.
step "Tests, as built for use" bazel_test native //...

demo() { check "examples/demo.sh" bash examples/demo.sh; }
step "The README's first command" demo

# The sandbox has shown that all inputs are declared; without it a build takes 7 % less. Only C++
# tests from here on: Python does not load a module that wants a sanitizer's runtime.
narrow=(--build_tests_only --test_lang_filters=cc --spawn_strategy=local)

# clang: its warnings and lock discipline as errors; ASan and UBSan, in the fuzzers' own objects.
# Not the tests that take real memory to a mark: a sanitizer takes its own on top.
step "Tests under ASan and UBSan; clang's thread-safety analysis" \
  bazel_test asan --config=fuzz "${narrow[@]}" -- //... -//tests/pressure/...
step "Fuzzing" fuzz

# TSan, less the folders that are arithmetic on values and know no thread.
step "Tests under TSan" bazel_test tsan --config=tsan "${narrow[@]}" \
  -- //... -//governor/model/... -//governor/policy/... -//tests/fuzz/... -//tests/pressure/...

# The folders that know nothing of the machine, and the host driver.
if [[ $(uname -m) != aarch64 ]]; then
  step "Unit tests on 64-bit Arm, emulated" bazel_test arm64 --config=arm64 "${narrow[@]}" \
    //governor/{base,budget,driver,model,policy}/...
fi

step "Sources" sources

printf '\n=== Summary\n'
printf '%s\n' "${durations[@]}"
((${#failures[@]} == 0)) || printf 'FAILED: %s\n' "${failures[@]}"
echo "$passed passed, ${#failures[@]} failed"
((passed > 0 && ${#failures[@]} == 0))
