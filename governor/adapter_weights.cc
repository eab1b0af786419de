#include "governor/adapter_weights.h"

#include <sys/stat.h>

#include <memory>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "governor/base/status_macros.h"
#include "governor/model/file_byte_source.h"
#include "governor/model/safetensors.h"
#include "governor/printable.h"

namespace governor {
namespace {

absl::StatusOr<Bytes> ReadOne(const std::string& path) {
  std::string file = path;
  struct stat found;
  if (stat(path.c_str(), &found) == 0 && S_ISDIR(found.st_mode)) {
    file += "/adapter_model.safetensors";
  }
  GOVERNOR_ASSIGN_OR_RETURN(const std::unique_ptr<FileByteSource> source,
                            FileByteSource::Open(file));
  absl::StatusOr<Safetensors> adapter = ParseSafetensors(*source);
  if (adapter.ok()) return adapter->data_size();
  return absl::Status(adapter.status().code(),
                      absl::StrCat("adapter '", Printable(file),
                                   "': ", adapter.status().message()));
}

}  // namespace

absl::StatusOr<Bytes> ReadAdapterWeights(
    const std::vector<std::string>& paths) {
  Bytes sum;
  for (const std::string& path : paths) {
    GOVERNOR_ASSIGN_OR_RETURN(const Bytes size, ReadOne(path));
    const std::optional<Bytes> next = CheckedAdd(sum, size);
    if (!next) {
      return absl::InvalidArgumentError("the adapters pass 2^64 - 1 bytes");
    }
    sum = *next;
  }
  return sum;
}

}  // namespace governor
