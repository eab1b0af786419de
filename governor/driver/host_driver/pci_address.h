#ifndef GOVERNOR_DRIVER_HOST_DRIVER_PCI_ADDRESS_H_
#define GOVERNOR_DRIVER_HOST_DRIVER_PCI_ADDRESS_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace governor {

// Where a device sits.
struct PciAddress {
  int domain = 0;
  int bus = 0;
  int device = 0;
  int function = 0;

  friend bool operator==(const PciAddress&, const PciAddress&) = default;
};

// `0000:3B:00.0`, as cuDeviceGetPCIBusId writes it.
std::string FormatPciAddress(const PciAddress& address);

// Reads the three forms of cuDeviceGetByPCIBusId, in hexadecimal:
// `domain:bus:device.function`, `domain:bus:device`, `bus:device.function`.
// nullopt: anything else.
std::optional<PciAddress> ParsePciAddress(absl::string_view text);

}  // namespace governor

#endif  // GOVERNOR_DRIVER_HOST_DRIVER_PCI_ADDRESS_H_
