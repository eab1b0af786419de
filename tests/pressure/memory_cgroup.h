#ifndef GOVERNOR_TESTS_PRESSURE_MEMORY_CGROUP_H_
#define GOVERNOR_TESTS_PRESSURE_MEMORY_CGROUP_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "governor/base/bytes.h"

namespace governor {

// A memory cgroup of its own, version 1 or 2, that this process is in for as
// long as this lives: what is short in it is short nowhere else. Needs root.
class MemoryCgroup {
 public:
  // UNAVAILABLE: not here, with the reason; nothing was changed.
  static absl::StatusOr<std::unique_ptr<MemoryCgroup>> Join();

  ~MemoryCgroup();
  MemoryCgroup(const MemoryCgroup&) = delete;
  MemoryCgroup& operator=(const MemoryCgroup&) = delete;

  // False: the kernel refuses, as with a limit below what cannot go.
  bool SetLimit(Bytes limit);
  bool ClearLimit();
  // Pushes out what can go, to swap or to its file.
  void Empty();
  // What it holds now.
  Bytes used() const;
  // Of that, what goes when it is needed.
  Bytes inactive_file() const;

 private:
  MemoryCgroup(std::string directory, std::string home, bool is_v1)
      : directory_(std::move(directory)),
        home_(std::move(home)),
        is_v1_(is_v1) {}

  const std::string directory_;
  const std::string home_;  // where the process came from
  const bool is_v1_;
};

}  // namespace governor

#endif  // GOVERNOR_TESTS_PRESSURE_MEMORY_CGROUP_H_
