#include <pybind11/pybind11.h>

#include "bindings/python/bindings.h"
#include "governor/base/bytes.h"

// `governor._governor`: what governor/__init__.py shows of the library.
PYBIND11_MODULE(_governor, module) {
  pybind11::options options;
  options.disable_function_signatures();  // governor/_governor.pyi has them
  module.def(
      "format_size",
      [](uint64_t size) { return governor::ToString(governor::Bytes(size)); },
      "A number of bytes for people: 2GiB, 364.5MiB; rounded down.");
  governor::BindGovernor(module);
  governor::BindRegion(module);
  governor::BindLease(module);
  governor::BindTag(module);
  governor::BindPlan(module);
  governor::BindReclaim(module);
  governor::BindTransient(module);
  governor::BindKeptMemory(module);
}
