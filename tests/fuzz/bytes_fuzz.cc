// Any text as a size: eight bytes of a total, then the text.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/string_view.h"
#include "governor/base/bytes.h"
#include "governor/base/size_spec.h"
#include "tests/fuzz/require.h"

namespace governor {
namespace {

void CheckRefusal(const absl::Status& status) {
  Require(status.code() == absl::StatusCode::kInvalidArgument);
  Require(!status.message().empty() && status.message().size() < 512);
  for (const char c : status.message()) Require(absl::ascii_isprint(c));
}

// Printed for people it reads back as no more, and as little less as two
// decimals of its unit and the byte that reading rounds off allow; printed in
// digits it reads back the same.
void CheckRoundTrip(Bytes size) {
  const absl::StatusOr<Bytes> printed = ParseBytes(ToString(size));
  Require(printed.ok() && *printed <= size);
  Require((size - *printed).count() <= size.count() / 100 + 1);
  Require(ParseBytes(std::to_string(size.count())).value() == size);
  Require(ParseBytes(std::to_string(size.count()) + "B").value() == size);
}

}  // namespace
}  // namespace governor

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace governor;
  uint64_t total = 0;
  const size_t head = std::min(size, sizeof(total));
  std::memcpy(&total, data, head);
  const absl::string_view text(reinterpret_cast<const char*>(data) + head,
                               size - head);
  CheckRoundTrip(Bytes(total));

  const absl::StatusOr<Bytes> parsed = ParseBytes(text);
  const absl::StatusOr<SizeSpec> spec = SizeSpec::Parse(text);
  if (parsed.ok()) {
    Require(!text.empty() && absl::ascii_isdigit(text[0]));
    CheckRoundTrip(*parsed);
    Require(spec.ok() && !spec->is_percentage());
    Require(spec->Resolve(Bytes(total)) == *parsed);
  } else {
    CheckRefusal(parsed.status());
    // Then only a percentage is left.
    if (spec.ok()) {
      Require(text.back() == '%' && spec->is_percentage());
      Require(spec->Resolve(Bytes(total)) <= Bytes(total));
    } else {
      CheckRefusal(spec.status());
    }
  }
  return 0;
}
