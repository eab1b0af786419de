#include "governor/driver/host_driver/pci_address.h"

#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"

namespace governor {
namespace {

// Plain hexadecimal digits, no more than `digits`.
bool ReadHex(absl::string_view text, size_t digits, int* value) {
  if (text.empty() || text.size() > digits) return false;
  for (const char digit : text) {
    if (!absl::ascii_isxdigit(digit)) return false;
  }
  return absl::SimpleHexAtoi(text, value);
}

}  // namespace

std::string FormatPciAddress(const PciAddress& address) {
  return absl::StrFormat("%04X:%02X:%02X.%X", address.domain, address.bus,
                         address.device, address.function);
}

std::optional<PciAddress> ParsePciAddress(absl::string_view text) {
  PciAddress address;
  const std::vector<absl::string_view> dot = absl::StrSplit(text, '.');
  if (dot.size() > 2) return std::nullopt;
  if (dot.size() == 2 && !ReadHex(dot[1], 1, &address.function)) {
    return std::nullopt;
  }
  std::vector<absl::string_view> parts = absl::StrSplit(dot[0], ':');
  if (parts.size() == 2 && dot.size() == 2) parts.insert(parts.begin(), "0");
  if (parts.size() != 3 || !ReadHex(parts[0], 4, &address.domain) ||
      !ReadHex(parts[1], 2, &address.bus) ||
      !ReadHex(parts[2], 2, &address.device)) {
    return std::nullopt;
  }
  return address;
}

}  // namespace governor
