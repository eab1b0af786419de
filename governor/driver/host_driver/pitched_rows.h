#ifndef GOVERNOR_DRIVER_HOST_DRIVER_PITCHED_ROWS_H_
#define GOVERNOR_DRIVER_HOST_DRIVER_PITCHED_ROWS_H_

#include <cstdint>

#include "governor/driver/driver_api.h"
#include "governor/driver/host_driver/array_shape.h"

namespace governor {

// How many bytes, rows and slices a copy moves. None is zero.
struct RowBox {
  uint64_t width = 0;
  uint64_t height = 0;
  uint64_t depth = 0;
};

// Where the rows of one side of such a copy lie. A plain value.
struct PitchedRows {
  uint64_t start = 0;         // of the first row
  uint64_t pitch = 0;         // from a row to the next
  uint64_t slice_height = 0;  // rows from a slice to the next
  uint64_t span = 0;          // from `start` to the end of the last row

  uint64_t Offset(uint64_t slice, uint64_t row) const {
    return (slice * slice_height + row) * pitch;
  }
};

// One side of a CUDA_MEMCPY3D, without its memory.
struct RowPlace {
  uint64_t x = 0;  // in bytes
  uint64_t y = 0;
  uint64_t z = 0;
};

// Rows in plain memory at `base`, by the rules of cuMemcpy3D: a pitch of zero
// stands for x + width, and a height of zero for y + height. INVALID_VALUE: a
// pitch or a height that is less than that; no base; or it wraps.
CUresult RowsInMemory(CUdeviceptr base, uint64_t pitch, uint64_t height,
                      const RowPlace& place, const RowBox& box,
                      PitchedRows* rows);

// Rows in an array: `start` is then an offset in it. INVALID_VALUE: the box is
// not within the array.
CUresult RowsInArray(const ArrayShape& shape, const RowPlace& place,
                     const RowBox& box, PitchedRows* rows);

}  // namespace governor

#endif  // GOVERNOR_DRIVER_HOST_DRIVER_PITCHED_ROWS_H_
