#include "governor/model/checkpoint_shape.h"

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "governor/base/bytes.h"
#include "governor/base/status_macros.h"
#include "governor/model/checkpoint_agreement.h"
#include "governor/model/checkpoint_weights.h"
#include "governor/model/json_file_error.h"
#include "governor/model/utf8.h"

namespace governor {
namespace {

constexpr Bytes kMaxConfig = MiB(4);

absl::StatusOr<ModelShape> ReadConfigShape(const std::string& path,
                                           const ConfigOptions& options,
                                           const OpenSource& open) {
  absl::StatusOr<std::unique_ptr<ByteSource>> source = open(path);
  if (absl::IsNotFound(source.status())) {
    return absl::InvalidArgumentError(
        "there is no config.json beside the weights, which says how layers "
        "keep their past; download it, too");
  }
  if (!source.ok()) return source.status();
  const Bytes size = (*source)->size();
  if (size > kMaxConfig) {
    return absl::InvalidArgumentError(
        absl::StrCat("config.json has ", size.count(),
                     " bytes, and the limit is ", kMaxConfig.count()));
  }
  absl::StatusOr<ModelShape> shape = ShapeOfConfig(**source, options);
  if (shape.ok()) return shape;
  return JsonFileError(shape.status(), **source, "config.json");
}

// Of the folder that `file` is in, as a name for what is in it. Empty: `file`
// does not say.
std::string NameOfFolder(absl::string_view file) {
  const size_t end = file.rfind('/');
  if (end == absl::string_view::npos || end == 0) return "";
  file = file.substr(0, end);
  file.remove_prefix(file.rfind('/') + 1);  // npos + 1 is 0
  if (file == "." || file == "..") return "";
  return IsValidUtf8(file) ? std::string(file) : absl::CHexEscape(file);
}

absl::StatusOr<ModelShape> Read(const std::string& path,
                                const ConfigOptions& options,
                                const OpenSource& open) {
  GOVERNOR_ASSIGN_OR_RETURN(const Checkpoint checkpoint,
                            ReadCheckpoint(path, open));
  GOVERNOR_ASSIGN_OR_RETURN(
      ModelShape shape, ReadConfigShape(checkpoint.config_path, options, open));
  if (shape.name.empty()) shape.name = NameOfFolder(checkpoint.config_path);
  GOVERNOR_RETURN_IF_ERROR(AddWeights(checkpoint, shape));
  GOVERNOR_RETURN_IF_ERROR(CheckAgreement(checkpoint, shape));
  return shape;
}

}  // namespace

absl::StatusOr<ModelShape> ReadCheckpointShape(const std::string& path,
                                               const ConfigOptions& options,
                                               const OpenSource& open) {
  absl::StatusOr<ModelShape> shape = Read(path, options, open);
  if (shape.ok()) return shape;
  return absl::Status(
      shape.status().code(),
      absl::StrCat("cannot use this model: ", shape.status().message(),
                   "; model '", absl::Utf8SafeCHexEscape(path), "'"));
}

}  // namespace governor
