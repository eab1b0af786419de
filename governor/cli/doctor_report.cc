#include "governor/cli/doctor_report.h"

#include <algorithm>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "governor/printable.h"

namespace governor {
namespace {

using Json = nlohmann::ordered_json;

const char* ToString(Finding::State state) {
  switch (state) {
    case Finding::State::kOk:
      return "ok";
    case Finding::State::kNote:
      return "note";
    case Finding::State::kLack:
      return "lack";
  }
  return "unknown";
}

Json ToJson(const std::optional<Bytes>& bytes) {
  return bytes ? Json(bytes->count()) : Json();
}

// "CUDA driver" is cuda_driver.
std::string KeyOf(absl::string_view name) {
  return absl::AsciiStrToLower(absl::StrReplaceAll(name, {{" ", "_"}}));
}

int CountOf(Finding::State state, const std::vector<Finding>& findings) {
  return static_cast<int>(std::count_if(
      findings.begin(), findings.end(),
      [state](const Finding& finding) { return finding.state == state; }));
}

std::string Counted(int count, absl::string_view what) {
  return absl::StrCat(count, " ", what, count == 1 ? "" : "s");
}

Json ToJson(const Finding& finding) {
  Json json = {{"name", KeyOf(finding.name)},
               {"state", ToString(finding.state)}};
  if (finding.bytes) json["bytes"] = finding.bytes->count();
  json["message"] = Printable(finding.message);
  json["cost"] = finding.cost;
  json["remedy"] = finding.remedy;
  return json;
}

}  // namespace

nlohmann::ordered_json ToJson(const DoctorReport& report) {
  Json json = {{"driver", nullptr},
               {"driver_version", nullptr},
               {"cuda_problem", nullptr},
               {"device_name", nullptr},
               {"device_memory_bytes", nullptr},
               {"integrated", nullptr},
               {"virtual_memory_management", nullptr},
               {"granularity_bytes", nullptr},
               {"unaccounted_bytes", ToJson(report.memory.unaccounted)},
               {"vanished_bytes", ToJson(report.memory.vanished)},
               {"lacks", CountOf(Finding::State::kLack, report.findings)},
               {"notes", CountOf(Finding::State::kNote, report.findings)},
               {"holders", Json::array()},
               {"findings", Json::array()}};
  if (!report.device.cuda_problem.empty()) {
    json["cuda_problem"] = report.device.cuda_problem;
  }
  if (report.device.device) {
    const Device& device = *report.device.device;
    json["driver"] = report.device.is_host ? "host" : "cuda";
    json["driver_version"] = device.driver_version();
    json["device_name"] = device.name();
    json["device_memory_bytes"] = device.total_memory().count();
    json["integrated"] = device.is_integrated();
    json["virtual_memory_management"] = device.supports_virtual_memory();
    json["granularity_bytes"] = device.granularity().count();
  }
  for (const MemoryHolder& holder : report.holders) {
    json["holders"].push_back({{"name", holder.name},
                               {"pid", holder.pid},
                               {"rss_bytes", holder.resident.count()},
                               {"device_bytes", ToJson(holder.device)}});
  }
  for (const Finding& finding : report.findings) {
    json["findings"].push_back(ToJson(finding));
  }
  return json;
}

std::string ToText(const std::vector<Finding>& findings) {
  std::string text;
  for (const Finding& finding : findings) {
    absl::StrAppendFormat(&text, "%-5s %-22s %s\n", ToString(finding.state),
                          finding.name, Printable(finding.message));
    if (!finding.cost.empty()) {
      absl::StrAppendFormat(&text, "%-5s %-22s %s\n", "", "  costs",
                            finding.cost);
    }
    if (!finding.remedy.empty()) {
      absl::StrAppendFormat(&text, "%-5s %-22s %s\n", "", "  remedy",
                            finding.remedy);
    }
  }
  absl::StrAppend(
      &text, Counted(CountOf(Finding::State::kLack, findings), "lack"), ", ",
      Counted(CountOf(Finding::State::kNote, findings), "note"), "\n");
  return text;
}

}  // namespace governor
