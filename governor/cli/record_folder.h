#ifndef GOVERNOR_CLI_RECORD_FOLDER_H_
#define GOVERNOR_CLI_RECORD_FOLDER_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "governor/options.h"

namespace governor {

// The folder of the machine record that a governor with `options`, which the
// environment has been merged into, joins. Makes nothing.
std::string RecordFolder(const GovernorOptions& options);

// What to do about a record in `folder` that could not be joined, by the cause.
std::string RecordRemedy(const absl::Status& status, const std::string& folder);

// A folder of this process alone for a machine record, for a command that shows
// the machine although it cannot join the record of this user. Removes the
// folder and the record in it at its end. Not thread-safe.
class PrivateRecordFolder {
 public:
  // In $TMPDIR, else in /dev/shm, else in /tmp.
  PrivateRecordFolder();
  ~PrivateRecordFolder();
  PrivateRecordFolder(const PrivateRecordFolder&) = delete;
  PrivateRecordFolder& operator=(const PrivateRecordFolder&) = delete;

  // Empty: none of these can be written to.
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace governor

#endif  // GOVERNOR_CLI_RECORD_FOLDER_H_
