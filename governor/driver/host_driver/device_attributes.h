#ifndef GOVERNOR_DRIVER_HOST_DRIVER_DEVICE_ATTRIBUTES_H_
#define GOVERNOR_DRIVER_HOST_DRIVER_DEVICE_ATTRIBUTES_H_

#include <map>

namespace governor {

// What cuDeviceGetAttribute answers, by number of CUdevice_attribute, for each
// personality; personality.h says which is what. Where each figure comes from
// stands beside it.
std::map<int, int> Gb10Attributes();
std::map<int, int> H200Attributes();
std::map<int, int> HmmAttributes();
std::map<int, int> OldAttributes();

}  // namespace governor

#endif  // GOVERNOR_DRIVER_HOST_DRIVER_DEVICE_ATTRIBUTES_H_
