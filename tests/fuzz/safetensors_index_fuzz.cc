// Any bytes as a model.safetensors.index.json. What comes out must be safe to
// open, and what is refused must be refused readably.
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "governor/model/byte_source.h"
#include "governor/model/safetensors_index.h"
#include "tests/fuzz/require.h"

namespace governor {
namespace {

void CheckRefusal(const absl::Status& status) {
  Require(status.code() == absl::StatusCode::kInvalidArgument);
  Require(!status.message().empty() && status.message().size() < 2048);
  for (const char c : status.message()) Require(absl::ascii_isprint(c));
}

void CheckIndex(const SafetensorsIndex& index, size_t size) {
  Require(index.shard_count() > 0);
  std::set<absl::string_view> shards;
  std::set<absl::string_view> tensors;
  size_t text = 0;
  for (size_t i = 0; i < index.shard_count(); ++i) {
    const absl::string_view shard = index.shard(i);
    Require(shards.insert(shard).second && shard.size() <= 255);
    Require(absl::EndsWith(shard, ".safetensors"));
    for (const char c : {'/', '\\', '\0'}) {
      Require(shard.find(c) == absl::string_view::npos);
    }
    Require(index.tensor_count(i) > 0);
    for (size_t k = 0; k < index.tensor_count(i); ++k) {
      const absl::string_view name = index.tensor(i, k);
      Require(!name.empty() && tensors.insert(name).second);
      if (k > 0) Require(index.tensor(i, k - 1) < name);
      text += name.size();
    }
  }
  Require(text + tensors.size() * 19 <= size);
}

}  // namespace
}  // namespace governor

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace governor;
  const MemoryByteSource source(
      absl::string_view(reinterpret_cast<const char*>(data), size));
  const absl::StatusOr<SafetensorsIndex> index = ParseSafetensorsIndex(source);
  if (!index.ok()) {
    CheckRefusal(index.status());
    return 0;
  }
  CheckIndex(*index, size);
  return 0;
}
