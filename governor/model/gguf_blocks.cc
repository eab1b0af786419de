#include "governor/model/gguf_blocks.h"

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "governor/base/status_macros.h"

namespace governor {

absl::StatusOr<GgufBlocks> ReadGgufBlocks(const Gguf& gguf,
                                          const GgufFields& fields) {
  GgufBlocks blocks;
  GOVERNOR_ASSIGN_OR_RETURN(blocks.all, fields.Positive("block_count"));
  if (blocks.all > gguf.tensors.size()) {
    return GgufDisagrees(absl::StrCat(fields.Key("block_count"), " is ",
                                      blocks.all, ", but there are only ",
                                      gguf.tensors.size(), " tensors"));
  }
  GOVERNOR_ASSIGN_OR_RETURN(const uint64_t draft,
                            fields.NumberOrZero("nextn_predict_layers"));
  if (draft >= blocks.all) {
    return absl::InvalidArgumentError(
        absl::StrCat(fields.Key("nextn_predict_layers"), " is ", draft,
                     ", but must be below ", fields.Key("block_count"), " ",
                     blocks.all, ", which counts those layers too"));
  }
  blocks.trunk = blocks.all - draft;
  return blocks;
}

std::optional<GgufBlockName> ParseGgufBlockName(absl::string_view name) {
  if (!absl::ConsumePrefix(&name, "blk.")) return std::nullopt;
  const size_t dot = name.find('.');
  GgufBlockName block;
  if (dot == absl::string_view::npos ||
      !absl::SimpleAtoi(name.substr(0, dot), &block.layer)) {
    return std::nullopt;
  }
  block.rest = name.substr(dot + 1);
  return block;
}

absl::Status GgufDisagrees(absl::string_view reason) {
  return absl::InvalidArgumentError(
      absl::StrCat("the file's metadata and tensors disagree: ", reason));
}

}  // namespace governor
