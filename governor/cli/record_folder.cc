#include "governor/cli/record_folder.h"

#include <stdlib.h>

#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "governor/budget/machine_record.h"

namespace governor {

std::string RecordFolder(const GovernorOptions& options) {
  const char* const runtime = ReadProcessEnvironment("XDG_RUNTIME_DIR");
  return MachineRecord::DefaultFolder(options.share_dir,
                                      runtime != nullptr ? runtime : "");
}

std::string RecordRemedy(const absl::Status& status,
                         const std::string& folder) {
  switch (status.code()) {
    case absl::StatusCode::kDataLoss:
      return absl::StrCat("end this user's governors, then remove the file '",
                          folder, "/machine_record'");
    case absl::StatusCode::kResourceExhausted:
      return "end some of this user's governors";
    default:
      return "set GOVERNOR_SHARE_DIR to a folder that this user alone can "
             "write";
  }
}

PrivateRecordFolder::PrivateRecordFolder() {
  const char* const temporary = ReadProcessEnvironment("TMPDIR");
  for (const char* const parent : {temporary, "/dev/shm", "/tmp"}) {
    if (parent == nullptr || parent[0] != '/') continue;
    std::string name = absl::StrCat(parent, "/governor-stat-XXXXXX");
    if (::mkdtemp(name.data()) == nullptr) continue;
    path_ = name;
    return;
  }
}

PrivateRecordFolder::~PrivateRecordFolder() {
  std::error_code ignored;
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

}  // namespace governor
