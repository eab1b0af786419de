#include "governor/model/weight_files.h"

#include <algorithm>
#include <cstddef>
#include <functional>
#include <initializer_list>
#include <map>
#include <set>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "governor/base/status_macros.h"
#include "governor/model/gguf_name.h"

namespace governor {
namespace {

constexpr absl::string_view kSuffix = ".safetensors";

struct Part {
  absl::string_view set;  // what comes before the number
  uint64_t number = 0;
  uint64_t of = 0;
};

// Takes digits off the end of `text`.
std::optional<uint64_t> TakeNumber(absl::string_view& text) {
  size_t start = text.size();
  while (start > 0 && absl::ascii_isdigit(text[start - 1])) --start;
  uint64_t number = 0;
  if (text.size() - start > 9 ||
      !absl::SimpleAtoi(text.substr(start), &number)) {
    return std::nullopt;
  }
  text.remove_suffix(text.size() - start);
  return number;
}

bool TakeSuffix(absl::string_view& text, absl::string_view suffix) {
  if (!absl::EndsWith(text, suffix)) return false;
  text.remove_suffix(suffix.size());
  return true;
}

std::optional<Part> PartOf(absl::string_view name) {
  if (!TakeSuffix(name, kSuffix)) return std::nullopt;
  const std::optional<uint64_t> of = TakeNumber(name);
  if (!of || !TakeSuffix(name, "-of-")) return std::nullopt;
  const std::optional<uint64_t> number = TakeNumber(name);
  if (!number || !TakeSuffix(name, "-")) return std::nullopt;
  return Part{name, *number, *of};
}

// Every set of parts is there from 1 to its count.
absl::Status CheckComplete(const std::vector<std::string>& files) {
  std::map<std::pair<absl::string_view, uint64_t>, std::set<uint64_t>> sets;
  for (const std::string& file : files) {
    const std::optional<Part> part = PartOf(file);
    if (part) sets[{part->set, part->of}].insert(part->number);
  }
  for (const auto& [set, numbers] : sets) {
    const uint64_t count = set.second;
    uint64_t absent = 1;
    while (numbers.count(absent) != 0) ++absent;
    if (absent > count) continue;
    return absl::NotFoundError(
        absl::StrCat("part ", absent, " of ", count, " of ",
                     QuotedName(set.first), " is missing; the folder holds ",
                     numbers.size(), " of them", "; download the rest"));
  }
  return absl::OkStatus();
}

bool Has(const std::vector<std::string>& names,
         std::initializer_list<absl::string_view> suffixes) {
  return absl::c_any_of(names, [&](absl::string_view name) {
    return absl::c_any_of(suffixes, [name](absl::string_view suffix) {
      return absl::EndsWith(name, suffix);
    });
  });
}

absl::Status WhyNone(const std::vector<std::string>& names) {
  if (names.empty()) {
    return absl::NotFoundError(
        "the folder is empty; was the model's download cut short?");
  }
  if (Has(names, {".gguf"})) {
    return absl::InvalidArgumentError(
        "the folder holds GGUF files; give the path of one of them");
  }
  if (Has(names, {".bin", ".pt", ".pth", ".pt2", ".ckpt"})) {
    return absl::UnimplementedError(
        "the folder's weights are PyTorch pickles, which are never read "
        "because reading runs code in them; convert them to safetensors "
        "(save_pretrained with safe_serialization=True)");
  }
  if (Has(names, {".h5", ".msgpack", ".onnx", ".ot"})) {
    return absl::UnimplementedError(
        "the folder's weights are of a kind that is not read; convert them to "
        "safetensors");
  }
  return absl::OkStatus();
}

}  // namespace

std::optional<uint64_t> PartsOf(absl::string_view name) {
  const std::optional<Part> part = PartOf(name);
  if (!part || part->of <= 1) return std::nullopt;
  return part->of;
}

absl::StatusOr<std::vector<std::string>> WeightFilesOf(
    const std::vector<std::string>& names) {
  std::vector<std::string> model, consolidated, others;
  for (const std::string& name : names) {
    if (!absl::EndsWith(name, kSuffix) || absl::StartsWith(name, ".") ||
        absl::StartsWith(name, "adapter_") ||
        absl::StartsWith(name, "optimizer")) {
      continue;
    }
    std::vector<std::string>& kind = absl::StartsWith(name, "model") ? model
                                     : absl::StartsWith(name, "consolidated")
                                         ? consolidated
                                         : others;
    kind.push_back(name);
  }
  std::vector<std::string>& files = !model.empty()    ? model
                                    : !others.empty() ? others
                                                      : consolidated;
  if (files.empty()) {
    GOVERNOR_RETURN_IF_ERROR(WhyNone(names));
    return files;
  }
  GOVERNOR_RETURN_IF_ERROR(CheckComplete(files));
  std::sort(files.begin(), files.end());
  return std::move(files);
}

}  // namespace governor
