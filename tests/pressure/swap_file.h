#ifndef GOVERNOR_TESTS_PRESSURE_SWAP_FILE_H_
#define GOVERNOR_TESTS_PRESSURE_SWAP_FILE_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "governor/base/bytes.h"

namespace governor {

// A file that the machine swaps to for as long as this lives. Needs root, a
// file system that allows it, and that much disk.
class SwapFile {
 public:
  // UNAVAILABLE: not here, with the reason; nothing is left behind.
  static absl::StatusOr<std::unique_ptr<SwapFile>> Create(
      const std::string& directory, Bytes size);

  // Brings what is in it back, so there must be room.
  ~SwapFile();
  SwapFile(const SwapFile&) = delete;
  SwapFile& operator=(const SwapFile&) = delete;

 private:
  explicit SwapFile(std::string path) : path_(std::move(path)) {}

  const std::string path_;
};

}  // namespace governor

#endif  // GOVERNOR_TESTS_PRESSURE_SWAP_FILE_H_
