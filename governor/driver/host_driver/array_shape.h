#ifndef GOVERNOR_DRIVER_HOST_DRIVER_ARRAY_SHAPE_H_
#define GOVERNOR_DRIVER_HOST_DRIVER_ARRAY_SHAPE_H_

#include <cstdint>

#include "governor/driver/driver_api.h"
#include "governor/driver/host_driver/personality.h"

namespace governor {

// How an array lies in memory. Chosen: elements row after row and slice after
// slice, without gaps. The real order is nobody's affair but the device's.
struct ArrayShape {
  uint64_t element_size = 0;
  uint64_t row_size = 0;  // in bytes
  uint64_t rows = 0;      // of a slice: the height, or 1
  uint64_t slices = 0;    // the depth or the number of layers, or 1

  uint64_t size() const { return row_size * rows * slices; }
};

// Whether such an array may be, alone or as level 0 of a mipmapped one.
// INVALID_VALUE: not as CUDA's documentation of cuArray3DCreate and
// cuMipmappedArrayCreate has it, or larger than the device's attributes allow.
// NOT_SUPPORTED: a compressed or planar format, which this driver does not
// model.
CUresult CheckArray(const CUDA_ARRAY3D_DESCRIPTOR& descriptor, bool mipmapped,
                    const Personality& personality);

// These are of descriptors that CheckArray takes.
ArrayShape ShapeOf(const CUDA_ARRAY3D_DESCRIPTOR& descriptor);
// The most levels that a mipmapped array has.
unsigned int LevelsOf(const CUDA_ARRAY3D_DESCRIPTOR& descriptor);
CUDA_ARRAY3D_DESCRIPTOR LevelOf(CUDA_ARRAY3D_DESCRIPTOR descriptor,
                                unsigned int level);

}  // namespace governor

#endif  // GOVERNOR_DRIVER_HOST_DRIVER_ARRAY_SHAPE_H_
