#include "governor/model/read_model.h"

#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <memory>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "governor/base/status_macros.h"
#include "governor/model/checkpoint_shape.h"
#include "governor/model/file_byte_source.h"
#include "governor/model/gguf_split.h"

namespace governor {
namespace {

absl::StatusOr<ModelShape> ReadGgufShape(const std::string& path,
                                         const ReadModelOptions& options) {
  GOVERNOR_ASSIGN_OR_RETURN(const Gguf gguf, ReadWholeGguf(path));
  absl::StatusOr<ModelShape> shape =
      ShapeOfGguf(gguf, {.assume_gqa = options.assume_gqa});
  if (shape.ok()) return shape;
  return absl::Status(
      shape.status().code(),
      absl::StrCat("cannot use this model: ", shape.status().message(),
                   "; file '", absl::Utf8SafeCHexEscape(path), "'"));
}

// Eight bytes of a header's length, below 2^32, and then the header itself.
absl::StatusOr<bool> StartsLikeSafetensors(const std::string& path) {
  GOVERNOR_ASSIGN_OR_RETURN(const std::unique_ptr<FileByteSource> source,
                            FileByteSource::Open(path));
  std::array<char, 9> first;
  if (source->size() < Bytes(first.size())) return false;
  GOVERNOR_RETURN_IF_ERROR(source->ReadAt(0, absl::MakeSpan(first)));
  return absl::string_view(&first[4], 5) == absl::string_view("\0\0\0\0{", 5);
}

absl::StatusOr<bool> IsCheckpoint(const std::string& path) {
  struct stat found;
  if (stat(path.c_str(), &found) == 0 && S_ISDIR(found.st_mode)) return true;
  if (absl::EndsWith(path, ".safetensors")) return true;
  if (absl::EndsWith(path, ".gguf")) return false;
  return StartsLikeSafetensors(path);
}

// ORG/NAME, as hubs name models and few people name what they have.
bool LooksLikeHubName(absl::string_view path) {
  const size_t slash = path.find('/');
  return slash != absl::string_view::npos && slash > 0 &&
         slash + 1 < path.size() && slash == path.rfind('/') &&
         path[0] != '.' && path[0] != '~' && !absl::EndsWith(path, ".gguf") &&
         !absl::EndsWith(path, ".safetensors");
}

}  // namespace

absl::StatusOr<ModelShape> ReadModelShape(const std::string& path,
                                          const ReadModelOptions& options) {
  struct stat found;
  if (LooksLikeHubName(path) && stat(path.c_str(), &found) != 0 &&
      errno == ENOENT) {
    return absl::NotFoundError(absl::StrCat(
        "no such file or folder: '", absl::Utf8SafeCHexEscape(path),
        "'; models are read from local paths, not from a hub; download it, and "
        "give the folder that it is in"));
  }
  GOVERNOR_ASSIGN_OR_RETURN(const bool is_checkpoint, IsCheckpoint(path));
  if (!is_checkpoint) return ReadGgufShape(path, options);
  return ReadCheckpointShape(path, {.assume_gqa = options.assume_gqa});
}

}  // namespace governor
