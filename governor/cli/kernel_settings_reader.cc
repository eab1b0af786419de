#include "governor/cli/kernel_settings_reader.h"

#include <cstdint>
#include <optional>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "governor/atomic_file.h"
#include "governor/base/bytes.h"
#include "governor/printable.h"

namespace governor {
namespace {

// Such files are a line or two; what is far larger is none.
constexpr Bytes kMost = KiB(64);
// "defer+madvise", "590.48.01".
constexpr size_t kLongestWord = 32;

std::string ReadText(const std::string& root, absl::string_view path) {
  return ReadSmallFile(absl::StrCat(root, "/", path), kMost).value_or("");
}

std::optional<uint64_t> ReadNumber(const std::string& root,
                                   absl::string_view path) {
  uint64_t number = 0;
  if (!absl::SimpleAtoi(ReadText(root, path), &number)) return std::nullopt;
  return number;
}

// Of "always [madvise] never" the word in brackets.
std::string ReadChoice(const std::string& root, absl::string_view path) {
  const std::string text = ReadText(root, path);
  const size_t begin = text.find('[');
  const size_t end = text.find(']');
  if (begin == std::string::npos || end == std::string::npos || end < begin ||
      end - begin > kLongestWord) {
    return "";
  }
  return Printable(text.substr(begin + 1, end - begin - 1));
}

// Of "NVRM version: NVIDIA UNIX x86_64 Kernel Module  590.48.01  Mon ..." the
// first word that is a version.
void ReadNvidiaDriver(const std::string& root, KernelSettings& settings) {
  const std::string text = ReadText(root, "proc/driver/nvidia/version");
  for (const absl::string_view word :
       absl::StrSplit(text, absl::ByAnyChar(" \t\n"), absl::SkipEmpty())) {
    const size_t dot = word.find('.');
    uint64_t branch = 0;
    if (dot == absl::string_view::npos || word.size() > kLongestWord ||
        word.find_first_not_of("0123456789.") != absl::string_view::npos ||
        !absl::SimpleAtoi(word.substr(0, dot), &branch)) {
      continue;
    }
    settings.nvidia_driver = std::string(word);
    settings.nvidia_driver_branch = branch;
    break;
  }
  for (const absl::string_view line :
       absl::StrSplit(ReadText(root, "proc/driver/nvidia/params"), '\n')) {
    if (line == "EnableSystemMemoryPools: 0") settings.nvidia_pools_off = true;
  }
}

}  // namespace

KernelSettings ReadKernelSettings(const std::string& root) {
  KernelSettings settings;
  settings.overcommit_memory =
      ReadNumber(root, "proc/sys/vm/overcommit_memory");
  if (const auto kib = ReadNumber(root, "proc/sys/vm/min_free_kbytes")) {
    settings.min_free = CheckedMultiply(KiB(1), *kib);
  }
  settings.watermark_boost_factor =
      ReadNumber(root, "proc/sys/vm/watermark_boost_factor");
  settings.huge_pages =
      ReadChoice(root, "sys/kernel/mm/transparent_hugepage/enabled");
  settings.huge_pages_defrag =
      ReadChoice(root, "sys/kernel/mm/transparent_hugepage/defrag");
  ReadNvidiaDriver(root, settings);
  return settings;
}

}  // namespace governor
