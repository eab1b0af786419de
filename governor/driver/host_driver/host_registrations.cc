#include "governor/driver/host_driver/host_registrations.h"

#include <iterator>

namespace governor {

void HostRegistrations::Add(const Registration& registration) {
  by_address_.emplace(registration.address, registration);
}

std::optional<HostRegistrations::Registration> HostRegistrations::Remove(
    CUdeviceptr address) {
  const auto found = by_address_.find(address);
  if (found == by_address_.end()) return std::nullopt;
  const Registration removed = found->second;
  by_address_.erase(found);
  return removed;
}

bool HostRegistrations::Overlaps(CUdeviceptr address, uint64_t size) const {
  if (Find(address)) return true;
  const auto next = by_address_.lower_bound(address);
  return next != by_address_.end() && next->first - address < size;
}

std::optional<HostRegistrations::Registration> HostRegistrations::Find(
    CUdeviceptr address) const {
  const auto after = by_address_.upper_bound(address);
  if (after == by_address_.begin()) return std::nullopt;
  const Registration& holder = std::prev(after)->second;
  if (address - holder.address >= holder.size) return std::nullopt;
  return holder;
}

HostRegistrations::Registration* HostRegistrations::FindMutable(
    CUdeviceptr address) {
  const std::optional<Registration> found = Find(address);
  return found ? &by_address_.find(found->address)->second : nullptr;
}

std::vector<CUdeviceptr> HostRegistrations::OwnedBy(ContextId owner) const {
  std::vector<CUdeviceptr> addresses;
  for (const auto& [address, registration] : by_address_) {
    if (registration.owner == owner) addresses.push_back(address);
  }
  return addresses;
}

}  // namespace governor
