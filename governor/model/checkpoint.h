#ifndef GOVERNOR_MODEL_CHECKPOINT_H_
#define GOVERNOR_MODEL_CHECKPOINT_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "governor/base/bytes.h"
#include "governor/model/byte_source.h"
#include "governor/model/safetensors.h"

namespace governor {

// How files are opened. Tests count what is read through this.
using OpenSource = std::function<absl::StatusOr<std::unique_ptr<ByteSource>>(
    const std::string& path)>;

// FileByteSource::Open.
absl::StatusOr<std::unique_ptr<ByteSource>> OpenFileSource(
    const std::string& path);

// A Hugging Face model on disk: config.json, and the headers of its safetensors
// files, which agree with each other and with the index. Not what they mean. A
// plain value.
struct Checkpoint {
  struct Shard {
    std::string file;  // without the folder
    Safetensors header;
  };

  // Where config.json is, or must be; not opened yet.
  std::string config_path;
  // None: the folder holds no weights.
  std::vector<Shard> shards;
  // What was believed where index and headers disagree.
  std::vector<std::string> notes;

  // A tensor that belongs to one of shard `near`: there, or in the shard before
  // or after it, for checkpoints are cut in the order of their tensors. Not in
  // the others: many shards that ask each other would take for ever.
  std::optional<SafetensorsTensor> Find(absl::string_view name,
                                        size_t near) const;
};

// Reads the model in the folder at `path`, or the one .safetensors file there
// with the config.json beside it. Of a folder's files, those that
// model.safetensors.index.json names; without an index, WeightFilesOf its
// files. Links are followed, as caches are made of them. Reads headers and the
// index alone, each byte once.
//
// NOT_FOUND: nothing at `path`, an empty folder, or shards that the index names
// are missing: names the first and says how many. INVALID_ARGUMENT:
// an entry of Hugging Face's cache instead of a revision in it, or a file is
// not regular or damaged (the errors of ParseSafetensors and of
// ParseSafetensorsIndex, with the path), a tensor is in two shards, or in
// another one than the index says; one of several shards given alone.
// UNIMPLEMENTED: as WeightFilesOf. Errors of the system, such as
// FAILED_PRECONDITION for links in a circle.
absl::StatusOr<Checkpoint> ReadCheckpoint(
    const std::string& path, const OpenSource& open = OpenFileSource);

}  // namespace governor

#endif  // GOVERNOR_MODEL_CHECKPOINT_H_
