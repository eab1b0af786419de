#include "governor/model/file_kind.h"

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace governor {
namespace {

struct Kind {
  absl::string_view prefix;
  absl::string_view description;
};

// The ggml ones are written as 32-bit little-endian words, hence backwards.
constexpr Kind kKinds[] = {
    {"PK\x03\x04", "a zip archive; unpack it, and give the model inside"},
    {"\x1F\x8B", "a gzip archive; unpack it, and give the model inside"},
    {"version https://", "a Git LFS pointer; run 'git lfs pull' for the model"},
    {"lmgg", "a ggml file from before GGUF; convert or download it again"},
    {"fmgg", "a ggmf file from before GGUF; convert or download it again"},
    {"tjgg", "a ggjt file from before GGUF; convert or download it again"},
    {"FUGG", "a GGUF file with its bytes swapped; convert it again"},
    {"\x80\x02", "a Python pickle; convert the model to safetensors or GGUF"},
    {"<", "an HTML page; was a download link followed only half the way?"},
    {"\xEF\xBB\xBF", "a text with a byte order mark; save it without one"},
    {"{", "a JSON text; give the file with the tensors"},
};

}  // namespace

std::string DescribeForeignFile(absl::string_view first_bytes) {
  // Eight bytes of header length, below 2^32, and then the header itself.
  if (first_bytes.size() > 8 && first_bytes[8] == '{' &&
      first_bytes.substr(4, 4) == absl::string_view("\0\0\0\0", 4)) {
    return "a safetensors file; give it a name that ends in .safetensors";
  }
  for (const Kind& kind : kKinds) {
    if (absl::StartsWith(first_bytes, kind.prefix)) {
      return std::string(kind.description);
    }
  }
  return absl::StrCat("an unknown format that starts with '",
                      absl::CEscape(first_bytes.substr(0, 4)), "'");
}

std::string DescribeForeignJson(absl::string_view first_bytes) {
  const absl::string_view text = absl::StripLeadingAsciiWhitespace(first_bytes);
  if (absl::StartsWith(text, "{")) return "";
  return DescribeForeignFile(text);
}

}  // namespace governor
