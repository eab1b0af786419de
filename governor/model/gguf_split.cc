#include "governor/model/gguf_split.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <numeric>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "governor/base/bytes.h"
#include "governor/base/status_macros.h"
#include "governor/model/gguf_name.h"

namespace governor {
namespace {

constexpr absl::string_view kNumber = "split.no";
constexpr absl::string_view kCount = "split.count";
constexpr absl::string_view kTensors = "split.tensors.count";
// More do not fit the five digits of a name.
constexpr uint64_t kMaxParts = 99'999;

absl::Status Refuse(const std::string& path, absl::string_view reason) {
  return absl::InvalidArgumentError(
      absl::StrCat("cannot read a split GGUF model: ", reason, "; file '",
                   absl::Utf8SafeCHexEscape(path), "'"));
}

std::string PartOf(uint64_t index, uint64_t count) {
  return absl::StrCat("part ", index + 1, " of ", count);
}

std::string Suffix(uint64_t index, uint64_t count) {
  return absl::StrFormat("-%05u-of-%05u.gguf", index + 1, count);
}

// What a part says of itself. A part without one of the keys is none.
struct SplitKeys {
  uint64_t number = 0;
  uint64_t count = 0;
  uint64_t tensors = 0;
};

absl::StatusOr<uint64_t> ReadKey(const std::string& path, const Gguf& gguf,
                                 absl::string_view key) {
  const GgufValue* value = gguf.Find(key);
  const std::optional<uint64_t> number =
      value == nullptr ? std::nullopt : AsUnsigned(*value);
  if (number) return *number;
  return Refuse(
      path,
      absl::StrCat(key, " is ", value == nullptr ? "missing" : ToString(*value),
                   ", but must be an integer, not below zero"));
}

absl::StatusOr<SplitKeys> ReadKeys(const std::string& path, const Gguf& gguf) {
  SplitKeys keys;
  GOVERNOR_ASSIGN_OR_RETURN(keys.number, ReadKey(path, gguf, kNumber));
  GOVERNOR_ASSIGN_OR_RETURN(keys.count, ReadKey(path, gguf, kCount));
  GOVERNOR_ASSIGN_OR_RETURN(keys.tensors, ReadKey(path, gguf, kTensors));
  return keys;
}

// Path and name of all parts, without what Suffix adds.
absl::StatusOr<std::string> Prefix(const std::string& path,
                                   const SplitKeys& keys) {
  if (keys.count > kMaxParts || keys.number >= keys.count) {
    return Refuse(path, absl::StrCat(kNumber, " is ", keys.number, " and ",
                                     kCount, " is ", keys.count,
                                     ", but must be below that, and at most ",
                                     kMaxParts));
  }
  const std::string suffix = Suffix(keys.number, keys.count);
  if (absl::EndsWith(path, suffix)) {
    return path.substr(0, path.size() - suffix.size());
  }
  return Refuse(path, absl::StrCat("it is ", PartOf(keys.number, keys.count),
                                   ", and so its name must end in '", suffix,
                                   "'; give it its name back"));
}

absl::Status CheckPart(const std::string& path, const Gguf& part,
                       const Gguf& first, const SplitKeys& expected) {
  GOVERNOR_ASSIGN_OR_RETURN(const SplitKeys found, ReadKeys(path, part));
  const auto differs = [&](absl::string_view key, uint64_t is, uint64_t must) {
    return Refuse(path, absl::StrCat(PartOf(expected.number, expected.count),
                                     " is another model's or another part: ",
                                     key, " is ", is, ", but must be ", must));
  };
  if (found.number != expected.number) {
    return differs(kNumber, found.number, expected.number);
  }
  if (found.count != expected.count) {
    return differs(kCount, found.count, expected.count);
  }
  if (found.tensors != expected.tensors) {
    return differs(kTensors, found.tensors, expected.tensors);
  }
  // Later parts repeat nothing of the first, as a rule.
  for (const absl::string_view key : {"general.architecture", "general.name"}) {
    const GgufValue* its = part.Find(key);
    const GgufValue* firsts = first.Find(key);
    if (its == nullptr || (firsts != nullptr && *its == *firsts)) continue;
    return Refuse(
        path, absl::StrCat(PartOf(expected.number, expected.count),
                           " is of another model: ", key, " is ",
                           ToString(*its), ", but in the first part ",
                           firsts == nullptr ? "missing" : ToString(*firsts)));
  }
  return absl::OkStatus();
}

// Appends the tensors of `part` to those of `whole`.
absl::Status Append(const std::string& path, Gguf part, Gguf& whole) {
  const std::optional<Bytes> size = CheckedAdd(whole.file_size, part.file_size);
  if (!size) return Refuse(path, "all parts have 2^64 bytes or more");
  whole.file_size = *size;
  whole.tensors.insert(whole.tensors.end(),
                       std::make_move_iterator(part.tensors.begin()),
                       std::make_move_iterator(part.tensors.end()));
  return absl::OkStatus();
}

// `starts`: for each part the index of its first tensor.
absl::Status CheckTensors(const std::string& prefix, const SplitKeys& keys,
                          const Gguf& whole,
                          const std::vector<size_t>& starts) {
  const auto part_of = [&](size_t tensor) {
    return static_cast<uint64_t>(
        std::upper_bound(starts.begin(), starts.end(), tensor) -
        starts.begin() - 1);
  };
  std::vector<uint32_t> order(whole.tensors.size());
  std::iota(order.begin(), order.end(), 0);
  // By name, and by part where names are the same.
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
    const int names = whole.tensors[a].name.compare(whole.tensors[b].name);
    return names != 0 ? names < 0 : a < b;
  });
  for (size_t i = 1; i < order.size(); ++i) {
    const std::string& name = whole.tensors[order[i]].name;
    if (name != whole.tensors[order[i - 1]].name) continue;
    const uint64_t second = part_of(order[i]);
    return Refuse(prefix + Suffix(second, keys.count),
                  absl::StrCat("tensor ", QuotedName(name), " is in ",
                               PartOf(part_of(order[i - 1]), keys.count),
                               " and again in ", PartOf(second, keys.count)));
  }
  if (whole.tensors.size() == keys.tensors) return absl::OkStatus();
  return Refuse(prefix + Suffix(0, keys.count),
                absl::StrCat(kTensors, " is ", keys.tensors, ", but the ",
                             keys.count, " parts have ", whole.tensors.size()));
}

absl::StatusOr<Gguf> ReadPart(const std::string& path, const SplitKeys& keys) {
  absl::StatusOr<Gguf> part = ReadGguf(path);
  if (part.ok()) return part;
  return absl::Status(
      part.status().code(),
      absl::StrCat(PartOf(keys.number, keys.count),
                   " of a split GGUF model must be beside the others: ",
                   part.status().message()));
}

}  // namespace

absl::StatusOr<Gguf> ReadWholeGguf(const std::string& path) {
  GOVERNOR_ASSIGN_OR_RETURN(Gguf whole, ReadGguf(path));
  const GgufValue* count = whole.Find(kCount);
  if (count == nullptr || AsUnsigned(*count) == uint64_t{1} ||
      AsUnsigned(*count) == uint64_t{0}) {
    return whole;
  }
  GOVERNOR_ASSIGN_OR_RETURN(SplitKeys keys, ReadKeys(path, whole));
  GOVERNOR_ASSIGN_OR_RETURN(const std::string prefix, Prefix(path, keys));
  if (keys.number != 0) {
    const SplitKeys expected = {0, keys.count, keys.tensors};
    const std::string first = prefix + Suffix(0, keys.count);
    GOVERNOR_ASSIGN_OR_RETURN(whole, ReadPart(first, expected));
    GOVERNOR_RETURN_IF_ERROR(CheckPart(first, whole, whole, expected));
  }

  std::vector<size_t> starts = {0};
  for (uint64_t i = 1; i < keys.count; ++i) {
    const SplitKeys expected = {i, keys.count, keys.tensors};
    const std::string next = prefix + Suffix(i, keys.count);
    GOVERNOR_ASSIGN_OR_RETURN(Gguf part, ReadPart(next, expected));
    GOVERNOR_RETURN_IF_ERROR(CheckPart(next, part, whole, expected));
    starts.push_back(whole.tensors.size());
    GOVERNOR_RETURN_IF_ERROR(Append(next, std::move(part), whole));
  }
  GOVERNOR_RETURN_IF_ERROR(CheckTensors(prefix, keys, whole, starts));
  for (const absl::string_view key : {kNumber, kCount, kTensors}) {
    whole.metadata.erase(whole.metadata.find(key));
  }
  return whole;
}

}  // namespace governor
