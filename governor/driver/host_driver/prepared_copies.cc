#include "governor/driver/host_driver/prepared_copies.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <optional>

#include "governor/driver/host_driver/arrays.h"
#include "governor/driver/host_driver/pitched_rows.h"

namespace governor {
namespace {

using Use = DeviceMemory::Use;

template <typename T = std::byte>
T* Pointer(CUdeviceptr address) {
  return reinterpret_cast<T*>(static_cast<uintptr_t>(address));
}

// One side of a CUDA_MEMCPY3D.
struct Given {
  RowPlace place;
  CUmemorytype type = CU_MEMORYTYPE_HOST;
  const void* host = nullptr;
  CUdeviceptr device = 0;
  CUarray array = nullptr;
  uint64_t pitch = 0;
  uint64_t height = 0;

  bool is_known() const {
    return type == CU_MEMORYTYPE_HOST || type == CU_MEMORYTYPE_DEVICE ||
           type == CU_MEMORYTYPE_ARRAY || type == CU_MEMORYTYPE_UNIFIED;
  }
};

// The same, resolved. In an array, `rows` are relative to wherever it is.
struct Side {
  PitchedRows rows;
  CUarray array = nullptr;
  bool host_allowed = false;
};

uint64_t MaxPitch(const Personality& personality) {
  const auto found = personality.attributes.find(CU_DEVICE_ATTRIBUTE_MAX_PITCH);
  // Where the personality does not know: measured on h200.
  return found == personality.attributes.end() ? 2147483647 : found->second;
}

CUresult Resolve(const HostState& state, const Given& given, const RowBox& box,
                 Side* side) {
  if (given.type == CU_MEMORYTYPE_ARRAY) {
    const std::optional<Arrays::Array> array = state.arrays.Find(given.array);
    if (!array) return CUDA_ERROR_INVALID_VALUE;
    side->array = given.array;
    return RowsInArray(array->shape, given.place, box, &side->rows);
  }
  // Documented; measured: not of a single row.
  if (given.pitch > MaxPitch(state.personality) &&
      (box.height > 1 || box.depth > 1)) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  // Plain host memory may be named either way, as by the flat copies.
  side->host_allowed = given.type != CU_MEMORYTYPE_DEVICE;
  const CUdeviceptr base = given.type == CU_MEMORYTYPE_HOST
                               ? reinterpret_cast<CUdeviceptr>(given.host)
                               : given.device;
  return RowsInMemory(base, given.pitch, given.height, given.place, box,
                      &side->rows);
}

// nullopt: its array is gone, or has no memory.
std::optional<DeviceMemory::Range> RangeOf(const HostState& state,
                                           const Side& side, Use use) {
  DeviceMemory::Range range = {side.rows.start, side.rows.span, use,
                               side.host_allowed};
  if (side.array != nullptr) {
    const std::optional<Arrays::Array> array = state.arrays.Find(side.array);
    if (!array || array->address == 0) return std::nullopt;
    range.address += array->address;
  }
  return range;
}

void Move(std::byte* to, const PitchedRows& to_rows, const std::byte* from,
          const PitchedRows& from_rows, RowBox box) {
  if (to_rows.pitch == box.width && from_rows.pitch == box.width) {
    box = {box.width * box.height, 1, box.depth};  // rows without gaps
  }
  for (uint64_t slice = 0; slice < box.depth; ++slice) {
    for (uint64_t row = 0; row < box.height; ++row) {
      // Rows that overlap are undefined for CUDA; here each is not.
      std::memmove(to + to_rows.Offset(slice, row),
                   from + from_rows.Offset(slice, row), box.width);
    }
  }
}

CUresult Copy(HostState& state, const Side& to, const Side& from,
              const RowBox& box) {
  const auto to_range = RangeOf(state, to, Use::kWrite);
  const auto from_range = RangeOf(state, from, Use::kRead);
  if (!to_range || !from_range) return CUDA_ERROR_INVALID_VALUE;
  return state.memory->With(*to_range, *from_range, [&] {
    Move(Pointer(to_range->address), to.rows, Pointer(from_range->address),
         from.rows, box);
  });
}

template <typename T>
CUresult Set(HostState& state, const CUDA_MEMSET_NODE_PARAMS& set,
             uint64_t span) {
  return state.memory->With(
      {set.dst, span, Use::kWrite, /*host_allowed=*/false}, [&] {
        for (uint64_t row = 0; row < set.height; ++row) {
          std::fill_n(Pointer<T>(set.dst + row * set.pitch), set.width,
                      static_cast<T>(set.value));
        }
      });
}

CUresult Nothing() { return CUDA_SUCCESS; }

}  // namespace

CUresult PrepareCopy3D(HostState& state, const CUDA_MEMCPY3D& copy,
                       std::function<CUresult()>* work) {
  const Given to = {{copy.dstXInBytes, copy.dstY, copy.dstZ},
                    copy.dstMemoryType,
                    copy.dstHost,
                    copy.dstDevice,
                    copy.dstArray,
                    copy.dstPitch,
                    copy.dstHeight};
  const Given from = {{copy.srcXInBytes, copy.srcY, copy.srcZ},
                      copy.srcMemoryType,
                      copy.srcHost,
                      copy.srcDevice,
                      copy.srcArray,
                      copy.srcPitch,
                      copy.srcHeight};
  // Measured: the reserved fields and the levels of detail are not looked at.
  if (!to.is_known() || !from.is_known()) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  const RowBox box = {copy.WidthInBytes, copy.Height, copy.Depth};
  if (box.width == 0 || box.height == 0 || box.depth == 0) {
    *work = Nothing;
    return CUDA_SUCCESS;
  }
  Side to_side, from_side;
  if (CUresult result = Resolve(state, to, box, &to_side)) return result;
  if (CUresult result = Resolve(state, from, box, &from_side)) return result;
  *work = [&state, to_side, from_side, box] {
    return Copy(state, to_side, from_side, box);
  };
  return CUDA_SUCCESS;
}

CUresult PrepareMemset(HostState& state, const CUDA_MEMSET_NODE_PARAMS& set,
                       std::function<CUresult()>* work) {
  const uint64_t element = set.elementSize;
  if (element != 1 && element != 2 && element != 4) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  if (set.dst % element != 0) return CUDA_ERROR_INVALID_VALUE;
  if (set.width == 0 || set.height == 0) {
    *work = Nothing;
    return CUDA_SUCCESS;
  }
  RowBox box = {0, set.height, 1};
  if (__builtin_mul_overflow(set.width, element, &box.width)) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  // Documented: the pitch of a single row is unused.
  const uint64_t pitch = set.height == 1 ? box.width : set.pitch;
  if (pitch < box.width || pitch % element != 0) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  PitchedRows rows;
  if (CUresult result =
          RowsInMemory(set.dst, pitch, /*height=*/0, {}, box, &rows)) {
    return result;
  }
  *work = [&state, set, span = rows.span] {
    switch (set.elementSize) {
      case 1:
        return Set<uint8_t>(state, set, span);
      case 2:
        return Set<uint16_t>(state, set, span);
      default:
        return Set<uint32_t>(state, set, span);
    }
  };
  return CUDA_SUCCESS;
}

}  // namespace governor
