#ifndef GOVERNOR_DRIVER_HOST_DRIVER_CHUNK_FILE_H_
#define GOVERNOR_DRIVER_HOST_DRIVER_CHUNK_FILE_H_

#include <cstdint>
#include <optional>
#include <string>

#include "governor/driver/driver_api.h"

namespace governor {

// A chunk that may be exported is a memfd of its own. Its name,
// "governor-host-driver-chunk:…", says with which properties it was created,
// so that whoever gets its file descriptor knows what it is.

std::string ChunkFileName(const CUmemAllocationProp& properties);

// What a file descriptor says about the chunk behind it. nullopt: it is no such
// file.
struct ChunkFile {
  CUmemAllocationProp properties = {};
  uint64_t size = 0;
  uint64_t inode = 0;  // the same for all descriptors of one chunk, alone
};
std::optional<ChunkFile> ReadChunkFile(int file);

}  // namespace governor

#endif  // GOVERNOR_DRIVER_HOST_DRIVER_CHUNK_FILE_H_
