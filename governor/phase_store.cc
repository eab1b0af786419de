#include "governor/phase_store.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "governor/atomic_file.h"
#include "governor/base/status_macros.h"
#include "governor/printable.h"
#include "governor/profile_store.h"
#include "governor/strict_json.h"

namespace governor {
namespace {

constexpr int kVersion = 1;
constexpr size_t kMaxName = 63;  // as a tag's
constexpr size_t kMaxText = 256;

std::tuple<const std::string&, const std::string&, const std::string&> KeyOf(
    const PhaseRecord& record) {
  return std::tie(record.name, record.device, record.driver);
}

absl::Status InFile(const std::string& path, const absl::Status& status) {
  return absl::Status(
      status.code(),
      absl::StrCat("phases in '", Printable(path), "': ", status.message()));
}

absl::Status CheckRecord(const PhaseRecord& record) {
  if (record.name.empty() || record.name.size() > kMaxName) {
    return absl::InvalidArgumentError(absl::StrCat(
        "a phase's name has 1 to ", kMaxName,
        " bytes, for example graph_capture; not ", QuotedStart(record.name)));
  }
  for (const std::string* text : {&record.device, &record.driver}) {
    if (text->size() > kMaxText) {
      return absl::InvalidArgumentError(absl::StrCat(
          "the device and the driver of phase ", QuotedStart(record.name),
          " have at most ", kMaxText, " bytes; not ", text->size()));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<PhaseRecord> ReadRecord(const StrictJson& json,
                                       std::string where) {
  JsonFields fields(json, std::move(where));
  PhaseRecord record;
  GOVERNOR_RETURN_IF_ERROR(fields.Text("name", true, record.name));
  fields.set_where(absl::StrCat("phase ", QuotedStart(record.name)));
  GOVERNOR_RETURN_IF_ERROR(fields.Text("device", true, record.device));
  GOVERNOR_RETURN_IF_ERROR(fields.Text("driver", true, record.driver));
  std::optional<Bytes> size;
  GOVERNOR_RETURN_IF_ERROR(fields.Size("declared_bytes", true, size));
  record.declared = *size;
  GOVERNOR_RETURN_IF_ERROR(fields.Size("measured_bytes", true, size));
  record.measured = *size;
  GOVERNOR_RETURN_IF_ERROR(fields.CheckNothingElse());
  GOVERNOR_RETURN_IF_ERROR(CheckRecord(record));
  return record;
}

absl::StatusOr<std::vector<PhaseRecord>> Parse(absl::string_view text) {
  GOVERNOR_ASSIGN_OR_RETURN(const StrictJson json, ParseStrictJson(text));
  GOVERNOR_ASSIGN_OR_RETURN(const StrictJson* list,
                            ListOfVersion(json, kVersion, "phases"));
  std::vector<PhaseRecord> records;
  std::set<std::tuple<std::string, std::string, std::string>> keys;
  for (const StrictJson& entry : *list) {
    const std::string where = absl::StrCat("phase ", records.size() + 1);
    if (!entry.is_object()) {
      return absl::InvalidArgumentError(absl::StrCat(where, ": not an object"));
    }
    GOVERNOR_ASSIGN_OR_RETURN(PhaseRecord record, ReadRecord(entry, where));
    if (!keys.insert(KeyOf(record)).second) {
      return absl::InvalidArgumentError(
          absl::StrCat("phase ", QuotedStart(record.name),
                       ": it is there twice for one device and driver"));
    }
    records.push_back(std::move(record));
  }
  return records;
}

std::string Write(const std::vector<PhaseRecord>& records) {
  StrictJson json = {{"version", kVersion}, {"phases", StrictJson::array()}};
  for (const PhaseRecord& record : records) {
    json["phases"].push_back({{"name", record.name},
                              {"device", record.device},
                              {"driver", record.driver},
                              {"declared_bytes", record.declared.count()},
                              {"measured_bytes", record.measured.count()}});
  }
  return json.dump(2, ' ', false, StrictJson::error_handler_t::replace) + "\n";
}

}  // namespace

absl::StatusOr<std::string> DefaultPhasesPath(
    const EnvironmentReader& environment) {
  GOVERNOR_ASSIGN_OR_RETURN(std::string path, DefaultProfilesPath(environment));
  const size_t slash = path.rfind('/');
  path.erase(slash == std::string::npos ? 0 : slash + 1);
  return path + "phases.json";
}

absl::StatusOr<std::vector<PhaseRecord>> ReadPhases(const std::string& path) {
  const absl::StatusOr<std::string> text = ReadSmallFile(path, kMaxPhasesFile);
  if (absl::IsNotFound(text.status())) return std::vector<PhaseRecord>();
  if (!text.ok()) return InFile(path, text.status());
  absl::StatusOr<std::vector<PhaseRecord>> records = Parse(*text);
  if (!records.ok()) return InFile(path, records.status());
  return records;
}

absl::StatusOr<std::optional<PhaseRecord>> FindPhase(const std::string& path,
                                                     absl::string_view name,
                                                     absl::string_view device,
                                                     absl::string_view driver) {
  GOVERNOR_ASSIGN_OR_RETURN(const std::vector<PhaseRecord> records,
                            ReadPhases(path));
  for (const PhaseRecord& record : records) {
    if (record.name == Printable(name) && record.device == Printable(device) &&
        record.driver == Printable(driver)) {
      return std::optional<PhaseRecord>(record);
    }
  }
  return std::optional<PhaseRecord>();
}

absl::Status RecordPhase(const std::string& path, const PhaseRecord& given) {
  // As it would be read back.
  PhaseRecord record = given;
  for (std::string* text : {&record.name, &record.device, &record.driver}) {
    *text = Printable(*text);
  }
  GOVERNOR_RETURN_IF_ERROR(CheckRecord(record));
  GOVERNOR_ASSIGN_OR_RETURN(std::vector<PhaseRecord> records, ReadPhases(path));
  const auto same = std::find_if(
      records.begin(), records.end(),
      [&](const auto& other) { return KeyOf(other) == KeyOf(record); });
  if (same == records.end()) {
    records.push_back(std::move(record));
  } else {
    record.measured = std::max(record.measured, same->measured);
    if (record == *same) return absl::OkStatus();
    *same = std::move(record);
  }
  const std::string text = Write(records);
  if (text.size() > kMaxPhasesFile.count()) {
    return InFile(path, absl::InvalidArgumentError(absl::StrCat(
                            "would have ", text.size(), " bytes, and may have ",
                            kMaxPhasesFile.count(),
                            "; remove phases that are not used")));
  }
  const absl::Status written = ReplaceFile(path, text);
  return written.ok() ? written : InFile(path, written);
}

}  // namespace governor
