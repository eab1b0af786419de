#include "governor/policy/engine.h"

#include <algorithm>
#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace governor {
namespace {

// In the order of the enum.
constexpr absl::string_view kNames[] = {"vllm",   "sglang", "llama.cpp",
                                        "trtllm", "ollama", "max"};

constexpr size_t kMaxQuoted = 32;

std::string Quoted(absl::string_view text) {
  return absl::StrCat("'", absl::CHexEscape(text.substr(0, kMaxQuoted)), "'");
}

// Digits alone: no sign, no space, which SimpleAtoi would let pass.
bool ParseNumber(absl::string_view text, uint32_t& number) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  return !text.empty() && std::all_of(text.begin(), text.end(), is_digit) &&
         absl::SimpleAtoi(text, &number);
}

}  // namespace

absl::string_view ToString(Engine engine) {
  return kNames[static_cast<size_t>(engine)];
}

absl::StatusOr<Engine> ParseEngine(absl::string_view name) {
  for (size_t i = 0; i < std::size(kNames); ++i) {
    if (kNames[i] == name) return static_cast<Engine>(i);
  }
  return absl::InvalidArgumentError(
      absl::StrCat("unknown engine ", Quoted(name), "; choose one of ",
                   absl::StrJoin(kNames, ", ")));
}

absl::StatusOr<ComputeCapability> ParseComputeCapability(
    absl::string_view text) {
  const size_t point = text.find('.');
  ComputeCapability capability;
  if (point != absl::string_view::npos &&
      ParseNumber(text.substr(0, point), capability.major) &&
      ParseNumber(text.substr(point + 1), capability.minor)) {
    if (capability.major < 5 || capability.major > 20 || capability.minor > 9) {
      return absl::InvalidArgumentError(
          absl::StrCat("no device has compute capability ", Quoted(text),
                       ": they go from 5.0 to 12.1, and later ones up to 20.9 "
                       "are taken, too"));
    }
    return capability;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("compute capability is two numbers with a point between "
                   "them, as 9.0 or 12.1; not ",
                   Quoted(text)));
}

std::string ToString(ComputeCapability capability) {
  return absl::StrCat(capability.major, ".", capability.minor);
}

}  // namespace governor
