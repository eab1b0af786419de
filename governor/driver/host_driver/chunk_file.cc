#include "governor/driver/host_driver/chunk_file.h"

#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace governor {
namespace {

constexpr absl::string_view kName = "governor-host-driver-chunk:";

}  // namespace

std::string ChunkFileName(const CUmemAllocationProp& properties) {
  return absl::StrCat(kName, static_cast<int>(properties.location.type), ":",
                      properties.location.id, ":",
                      properties.allocFlags.compressionType, ":",
                      properties.allocFlags.gpuDirectRDMACapable, ":",
                      properties.allocFlags.usage);
}

std::optional<ChunkFile> ReadChunkFile(int file) {
  char target[PATH_MAX];
  const ssize_t length = readlink(absl::StrCat("/proc/self/fd/", file).c_str(),
                                  target, sizeof(target));
  absl::string_view name(target, length < 0 ? 0 : length);
  struct stat status = {};
  if (!absl::ConsumePrefix(&name, "/memfd:") ||
      !absl::ConsumePrefix(&name, kName) ||
      !absl::ConsumeSuffix(&name, " (deleted)") || fstat(file, &status) != 0) {
    return std::nullopt;
  }
  const std::vector<absl::string_view> fields = absl::StrSplit(name, ':');
  int numbers[5] = {};
  if (fields.size() != 5) return std::nullopt;
  for (int i = 0; i < 5; ++i) {
    if (!absl::SimpleAtoi(fields[i], &numbers[i])) return std::nullopt;
  }
  ChunkFile chunk = {.size = static_cast<uint64_t>(status.st_size),
                     .inode = status.st_ino};
  CUmemAllocationProp& properties = chunk.properties;
  properties.type = CU_MEM_ALLOCATION_TYPE_PINNED;
  properties.requestedHandleTypes = CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR;
  properties.location.type = static_cast<CUmemLocationType>(numbers[0]);
  properties.location.id = numbers[1];
  properties.allocFlags.compressionType = numbers[2];
  properties.allocFlags.gpuDirectRDMACapable = numbers[3];
  properties.allocFlags.usage = numbers[4];
  return chunk;
}

}  // namespace governor
