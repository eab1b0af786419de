#ifndef GOVERNOR_CLI_KERNEL_SETTINGS_READER_H_
#define GOVERNOR_CLI_KERNEL_SETTINGS_READER_H_

#include <string>

#include "governor/policy/kernel_settings.h"

namespace governor {

// Reads proc/sys/vm, sys/kernel/mm/transparent_hugepage and proc/driver/nvidia
// under `root`. What is not there, or is not what it should be, is absent.
KernelSettings ReadKernelSettings(const std::string& root);

}  // namespace governor

#endif  // GOVERNOR_CLI_KERNEL_SETTINGS_READER_H_
