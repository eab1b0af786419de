#ifndef GOVERNOR_MEMORY_MAPPING_H_
#define GOVERNOR_MEMORY_MAPPING_H_

#include "governor/base/bytes.h"
#include "governor/memory/address_range.h"
#include "governor/memory/driver_answer.h"
#include "governor/memory/physical_chunk.h"

namespace governor {

// A chunk mapped at a place in a range: while it lives, the chunk is inside it
// and cannot be released. Not accessible until the range is made so. Move-only;
// an object is for one thread at a time. In a forked child it is void.
class Mapping {
 public:
  // Maps nothing.
  Mapping() = default;

  // Maps `chunk` at `offset` of `range`, which outlives the mapping. On an
  // error the chunk stays with the caller and nothing is mapped.
  static DriverAnswer Map(const AddressRange& range, Bytes offset,
                          PhysicalChunk& chunk, Mapping& mapping) noexcept;

  Mapping(Mapping&& other) noexcept;
  Mapping& operator=(Mapping&&) = delete;
  // Unmaps and releases. Should the driver refuse even now, the mapping stays,
  // and so do its bytes and their charge.
  ~Mapping();

  // Unmaps and hands the chunk to `chunk`; maps nothing afterwards. No work in
  // flight may use the memory. On an error it is still mapped: try again.
  // Needs no memory of the host.
  DriverAnswer Unmap(PhysicalChunk& chunk) noexcept;

  bool is_empty() const { return chunk_.is_empty(); }
  PhysicalChunk& chunk() { return chunk_; }

 private:
  const Device* device_ = nullptr;
  CUdeviceptr address_ = 0;
  PhysicalChunk chunk_;
};

}  // namespace governor

#endif  // GOVERNOR_MEMORY_MAPPING_H_
