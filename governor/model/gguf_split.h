#ifndef GOVERNOR_MODEL_GGUF_SPLIT_H_
#define GOVERNOR_MODEL_GGUF_SPLIT_H_

#include <string>

#include "absl/status/statusor.h"
#include "governor/model/gguf.h"

namespace governor {

// The header of the GGUF model in the file at `path`, or in all the files of
// the split model that `path` is a part of: `name-00001-of-00003.gguf` and so
// on beside it, as llama-gguf-split writes them. Reads headers alone; whichever
// part is given, metadata is that of the first.
//
// Of a split model: `tensors` are those of all parts, in order, each with its
// offset in its own file; `file_size` is the sum; `alignment` and `data_offset`
// are the first part's; the keys `split.*` are gone, so that ShapeOfGguf takes
// the whole.
//
// The errors of ReadGguf, with the number of the part. And of a split model
// INVALID_ARGUMENT: parts that are renamed, or of different models: `split.no`,
// `split.count` or `split.tensors.count` disagree with the name, with the first
// part or with the tensors, another part has other metadata, a tensor is in two
// parts. Names the part, the value and what was expected.
absl::StatusOr<Gguf> ReadWholeGguf(const std::string& path);

}  // namespace governor

#endif  // GOVERNOR_MODEL_GGUF_SPLIT_H_
