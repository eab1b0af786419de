#include "governor/snapshot_report.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "governor/snapshot_keys.h"

namespace governor {
namespace {

uint64_t ToJson(Bytes bytes) { return bytes.count(); }
nlohmann::ordered_json ToJson(const std::vector<Refusal::Holder>& holders) {
  auto json = nlohmann::ordered_json::array();
  for (const Refusal::Holder& holder : holders) {
    json.push_back(
        {{"tag", holder.tag}, {"granted_bytes", holder.granted.count()}});
  }
  return json;
}
template <typename T>
const T& ToJson(const T& value) {
  return value;
}

std::string Line(absl::string_view label, Bytes bytes, absl::string_view note) {
  return absl::StrFormat("  %-26s %12s%s%s\n", label, ToString(bytes),
                         note.empty() ? "" : "  ", note);
}

}  // namespace

nlohmann::ordered_json ToJson(const Snapshot& snapshot) {
  nlohmann::ordered_json json;
  ForEachKey(snapshot, [&json](const char* key, const auto& value) {
    json[key] = ToJson(value);
  });
  return json;
}

std::string ToText(const Snapshot& snapshot) {
  std::string text = absl::StrCat(
      "device ", snapshot.device, ": ", snapshot.device_name, " (driver ",
      snapshot.driver, ")\n", Line("total", snapshot.total, ""));
  for (const SnapshotPart& part : kSnapshotParts) {
    const auto& estimated = snapshot.estimated;
    const bool is_estimated = std::find(estimated.begin(), estimated.end(),
                                        part.key) != estimated.end();
    absl::StrAppend(&text,
                    Line(absl::StrCat("= ", part.label), snapshot.*part.bytes,
                         is_estimated ? "not told apart yet" : ""));
  }
  absl::StrAppend(&text, "budget of this process\n");
  for (const SnapshotPart& part : kSnapshotBudgetParts) {
    absl::StrAppend(
        &text, Line(part.label, snapshot.*part.bytes,
                    part.bytes == &Snapshot::headroom
                        ? absl::StrCat("limited by the ", snapshot.limited_by)
                        : ""));
  }
  for (const Refusal::Holder& holder : snapshot.holders) {
    absl::StrAppend(&text, Line(absl::StrCat("held by '", holder.tag, "'"),
                                holder.granted, ""));
  }
  return text;
}

}  // namespace governor
