#include "governor/driver/host_driver/pitched_rows.h"

namespace governor {
namespace {

// *sum = base + (slice * height + row) * pitch + x; false where that wraps.
bool Add(uint64_t base, uint64_t slice, uint64_t height, uint64_t row,
         uint64_t pitch, uint64_t x, uint64_t* sum) {
  uint64_t value = 0;
  const bool wraps = __builtin_mul_overflow(slice, height, &value) ||
                     __builtin_add_overflow(value, row, &value) ||
                     __builtin_mul_overflow(value, pitch, &value) ||
                     __builtin_add_overflow(value, x, &value) ||
                     __builtin_add_overflow(value, base, &value);
  *sum = value;
  return !wraps;
}

// Whether [offset, offset + size) is within [0, limit).
bool IsWithin(uint64_t offset, uint64_t size, uint64_t limit) {
  return offset <= limit && size <= limit - offset;
}

bool SetSpan(const RowBox& box, PitchedRows* rows) {
  return Add(0, box.depth - 1, rows->slice_height, box.height - 1, rows->pitch,
             box.width, &rows->span);
}

}  // namespace

CUresult RowsInMemory(CUdeviceptr base, uint64_t pitch, uint64_t height,
                      const RowPlace& place, const RowBox& box,
                      PitchedRows* rows) {
  if (base == 0) return CUDA_ERROR_INVALID_VALUE;
  if (pitch == 0) {  // measured: rows one behind the other
    if (__builtin_add_overflow(place.x, box.width, &pitch)) {
      return CUDA_ERROR_INVALID_VALUE;
    }
  } else if (!IsWithin(place.x, box.width, pitch)) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  if (height == 0) {  // measured: slices one behind the other
    if (__builtin_add_overflow(place.y, box.height, &height)) {
      return CUDA_ERROR_INVALID_VALUE;
    }
  } else if (!IsWithin(place.y, box.height, height)) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  PitchedRows found = {.pitch = pitch, .slice_height = height};
  if (!Add(base, place.z, height, place.y, pitch, place.x, &found.start) ||
      !SetSpan(box, &found)) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  *rows = found;
  return CUDA_SUCCESS;
}

CUresult RowsInArray(const ArrayShape& shape, const RowPlace& place,
                     const RowBox& box, PitchedRows* rows) {
  // Measured: an element may be cut.
  if (!IsWithin(place.x, box.width, shape.row_size) ||
      !IsWithin(place.y, box.height, shape.rows) ||
      !IsWithin(place.z, box.depth, shape.slices)) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  PitchedRows found = {.pitch = shape.row_size, .slice_height = shape.rows};
  found.start = found.Offset(place.z, place.y) + place.x;
  SetSpan(box, &found);
  *rows = found;
  return CUDA_SUCCESS;
}

}  // namespace governor
