#ifndef GOVERNOR_BINDINGS_PYTHON_BINDINGS_H_
#define GOVERNOR_BINDINGS_PYTHON_BINDINGS_H_

#include <pybind11/pybind11.h>

#include <memory>
#include <utility>

#include "bindings/python/shared_governor.h"

namespace governor {

// What each file of the extension module adds to it. Classes hold no logic:
// they convert types and errors, and keep alive what the other objects of a
// governor stand on.
void BindGovernor(pybind11::module_& module);
void BindRegion(pybind11::module_& module);
void BindLease(pybind11::module_& module);
void BindTag(pybind11::module_& module);
void BindPlan(pybind11::module_& module);
void BindReclaim(pybind11::module_& module);
void BindTransient(pybind11::module_& module);
void BindKeptMemory(pybind11::module_& module);

// For classes of which only C++ makes objects: Python cannot, not even by
// __new__, which would give one around nothing. Their classes are final, too.
template <typename Class>
void ForbidNew(pybind11::class_<Class>& type) {
  reinterpret_cast<PyTypeObject*>(type.ptr())->tp_new = nullptr;
}

// A Python object around a new `Class` that holds nothing yet, for the caller
// to fill. An object that pybind11 has no memory to register it frees without
// destroying it; given a unique_ptr, it frees it twice.
template <typename Class>
std::pair<pybind11::object, Class&> NewEmpty() {
  auto* const empty = new Class;
  return {pybind11::cast(empty, pybind11::return_value_policy::take_ownership),
          *empty};
}

// Governor.region, .lease, .tag and so on; defined where their classes are.
pybind11::object MakeRegion(std::shared_ptr<SharedGovernor> governor,
                            pybind11::handle size, pybind11::handle block);
pybind11::object MakeLease(std::shared_ptr<SharedGovernor> governor,
                           pybind11::handle size, pybind11::handle priority,
                           pybind11::handle deadline);
pybind11::object MakeTag(pybind11::handle name);
pybind11::object MakeReclaimRegistration(
    std::shared_ptr<SharedGovernor> governor, pybind11::handle callback,
    pybind11::handle priority, pybind11::handle cheap);
pybind11::object MakeTransient(std::shared_ptr<SharedGovernor> governor,
                               pybind11::handle name, pybind11::handle size,
                               pybind11::handle priority,
                               pybind11::handle deadline);
pybind11::object MakeKeptMemory(std::shared_ptr<SharedGovernor> governor,
                                pybind11::handle buffer);

}  // namespace governor

#endif  // GOVERNOR_BINDINGS_PYTHON_BINDINGS_H_
