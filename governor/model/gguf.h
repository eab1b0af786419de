#ifndef GOVERNOR_MODEL_GGUF_H_
#define GOVERNOR_MODEL_GGUF_H_

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "governor/base/bytes.h"
#include "governor/model/byte_source.h"
#include "governor/model/gguf_tensors.h"
#include "governor/model/gguf_value.h"

namespace governor {

// The header of a GGUF file (ggml's docs/gguf.md, versions 2 and 3), checked:
// every tensor lies inside the file, aligned, and overlaps no other. Not the
// tensors' contents, and not the tokenizer's. A plain value.
struct Gguf {
  uint32_t version = 0;
  std::map<std::string, GgufValue, std::less<>> metadata;
  std::vector<GgufTensor> tensors;  // in the file's order
  uint64_t alignment = 0;           // of tensors; a power of two
  uint64_t data_offset = 0;  // of the data section, from the file's start
  Bytes file_size;

  // Null when there is no such key.
  const GgufValue* Find(absl::string_view key) const;
};

// Reads the header of the GGUF file at `path` and nothing beyond it: 1 MiB of
// header takes about a millisecond, whatever the size of the file. Memory: 64
// KiB and a few times the header, however large the numbers in it.
//
// Refused before anything is allocated for it: a header above 100 MB, above
// 2^20 tensors or 4096 metadata entries, an alignment above 1 MiB, names above
// 64 KiB, and any count or length that the rest of the file cannot hold.
//
// NOT_FOUND, PERMISSION_DENIED: as FileByteSource::Open.
// INVALID_ARGUMENT: not a regular file, not GGUF (says what it seems to be), or
// damaged: names the offset, the value and the limit.
// UNIMPLEMENTED: GGUF of another version, in big-endian order, or with a tensor
// type that is not in the table.
absl::StatusOr<Gguf> ReadGguf(const std::string& path);

// The same from any bytes; messages then lack the path.
absl::StatusOr<Gguf> ParseGguf(const ByteSource& source);

}  // namespace governor

#endif  // GOVERNOR_MODEL_GGUF_H_
