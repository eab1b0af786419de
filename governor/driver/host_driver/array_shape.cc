#include "governor/driver/host_driver/array_shape.h"

#include <algorithm>
#include <bit>

namespace governor {
namespace {

// Formats as numbers where older headers lack the names.
constexpr int kUnorm8x1 = 0xc0, kSnorm16x4 = 0xcb;
constexpr int kUnorm101010x2 = 0x50;
constexpr int kBc1 = 0x91, kY410 = 0xa9;
constexpr int kNv12 = 0xb0, kYuv444x16 = 0xb5;

// CUDA_ARRAY3D_LAYERED to CUDA_ARRAY3D_VIDEO_ENCODE_DECODE.
constexpr unsigned int kKnownFlags = 0x1ff;

// Chosen, where the personality does not know a limit: the largest of h200's.
constexpr uint64_t kLargestLimit = 131072;

// Zero: not a format with packed channels, or it has other channels.
uint64_t ElementSize(int format, unsigned int channels) {
  uint64_t of_channel = 0;
  switch (format) {
    case CU_AD_FORMAT_UNSIGNED_INT8:
    case CU_AD_FORMAT_SIGNED_INT8:
      of_channel = 1;
      break;
    case CU_AD_FORMAT_UNSIGNED_INT16:
    case CU_AD_FORMAT_SIGNED_INT16:
    case CU_AD_FORMAT_HALF:
      of_channel = 2;
      break;
    case CU_AD_FORMAT_UNSIGNED_INT32:
    case CU_AD_FORMAT_SIGNED_INT32:
    case CU_AD_FORMAT_FLOAT:
      of_channel = 4;
      break;
    case kUnorm101010x2:
      return channels == 4 ? 4 : 0;
    default:
      // UNORM and SNORM, 8 and 16 bits, 1, 2 and 4 channels each.
      if (format < kUnorm8x1 || format > kSnorm16x4) return 0;
      if (channels != 1u << ((format - kUnorm8x1) % 3)) return 0;
      of_channel = (format - kUnorm8x1) / 3 % 2 == 0 ? 1 : 2;
  }
  const bool packed = channels == 1 || channels == 2 || channels == 4;
  return packed ? of_channel * channels : 0;
}

bool IsCompressedOrPlanar(int format) {
  return (format >= kBc1 && format <= kY410) ||
         (format >= kNv12 && format <= kYuv444x16);
}

class Extents {
 public:
  Extents(const CUDA_ARRAY3D_DESCRIPTOR& descriptor,
          const Personality& personality)
      : descriptor_(descriptor), personality_(personality) {}

  // Whether none of these is below 1 or above the attribute of this number.
  // Zero stands for an extent that must be 0.
  bool Within(int width, int height, int depth) const {
    return IsWithin(descriptor_.Width, width) &&
           IsWithin(descriptor_.Height, height) &&
           IsWithin(descriptor_.Depth, depth);
  }

 private:
  bool IsWithin(uint64_t extent, int attribute) const {
    if (attribute == 0) return extent == 0;
    const auto found = personality_.attributes.find(attribute);
    const uint64_t limit = found == personality_.attributes.end()
                               ? kLargestLimit
                               : static_cast<uint64_t>(found->second);
    return extent >= 1 && extent <= limit;
  }

  const CUDA_ARRAY3D_DESCRIPTOR& descriptor_;
  const Personality& personality_;
};

// By the table of cuArray3DCreate, and of cuMipmappedArrayCreate where that
// differs. The numbers are CUdevice_attribute's, width, height and depth.
bool HasValidExtents(const CUDA_ARRAY3D_DESCRIPTOR& descriptor, bool mipmapped,
                     const Personality& personality) {
  const Extents extents(descriptor, personality);
  const bool layered = descriptor.Flags & CUDA_ARRAY3D_LAYERED;
  const bool surface = descriptor.Flags & CUDA_ARRAY3D_SURFACE_LDST;
  const bool gather = descriptor.Flags & CUDA_ARRAY3D_TEXTURE_GATHER;
  const uint64_t height = descriptor.Height, depth = descriptor.Depth;

  if (descriptor.Flags & CUDA_ARRAY3D_CUBEMAP) {
    if (descriptor.Width != height || gather) return false;
    if (layered) {
      return depth % 6 == 0 && extents.Within(53, 53, 54) &&
             (!surface || extents.Within(67, 67, 68));
    }
    // Attribute 54 is at least 6 wherever there are cubemaps.
    return depth == 6 && extents.Within(52, 52, 54) &&
           (!surface || extents.Within(66, 66, 54));
  }
  if (layered) {
    if (gather) return false;
    return height == 0 ? extents.Within(42, 0, 43) &&
                             (!surface || extents.Within(61, 0, 62))
                       : extents.Within(27, 28, 29) &&
                             (!surface || extents.Within(63, 64, 65));
  }
  if (depth > 0) {
    return !gather &&
           (extents.Within(24, 25, 26) || extents.Within(47, 48, 49)) &&
           (!surface || extents.Within(58, 59, 60));
  }
  if (height > 0) {
    return (mipmapped ? extents.Within(73, 74, 0)
                      : extents.Within(22, 23, 0)) &&
           (!surface || extents.Within(56, 57, 0)) &&
           (!gather || extents.Within(45, 46, 0));
  }
  return !gather &&
         (mipmapped ? extents.Within(77, 0, 0) : extents.Within(21, 0, 0)) &&
         (!surface || extents.Within(55, 0, 0));
}

}  // namespace

CUresult CheckArray(const CUDA_ARRAY3D_DESCRIPTOR& descriptor, bool mipmapped,
                    const Personality& personality) {
  const int format = static_cast<int>(descriptor.Format);
  if (IsCompressedOrPlanar(format)) return CUDA_ERROR_NOT_SUPPORTED;
  // Chosen: memory that is mapped later is mapped whole or in tiles, not both.
  constexpr unsigned int kMappedLater =
      CUDA_ARRAY3D_SPARSE | CUDA_ARRAY3D_DEFERRED_MAPPING;
  const bool valid = (descriptor.Flags & ~kKnownFlags) == 0 &&
                     (descriptor.Flags & kMappedLater) != kMappedLater &&
                     ElementSize(format, descriptor.NumChannels) != 0 &&
                     HasValidExtents(descriptor, mipmapped, personality);
  return valid ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

ArrayShape ShapeOf(const CUDA_ARRAY3D_DESCRIPTOR& descriptor) {
  const uint64_t element =
      ElementSize(static_cast<int>(descriptor.Format), descriptor.NumChannels);
  return {.element_size = element,
          .row_size = element * descriptor.Width,
          .rows = std::max<uint64_t>(descriptor.Height, 1),
          .slices = std::max<uint64_t>(descriptor.Depth, 1)};
}

unsigned int LevelsOf(const CUDA_ARRAY3D_DESCRIPTOR& descriptor) {
  // Documented so, layers counted as depth.
  return std::bit_width(
      std::max({descriptor.Width, descriptor.Height, descriptor.Depth}));
}

CUDA_ARRAY3D_DESCRIPTOR LevelOf(CUDA_ARRAY3D_DESCRIPTOR descriptor,
                                unsigned int level) {
  const auto halve = [level](size_t& extent) {
    if (extent > 0) extent = std::max<size_t>(extent >> level, 1);
  };
  const bool layers =
      descriptor.Flags & (CUDA_ARRAY3D_LAYERED | CUDA_ARRAY3D_CUBEMAP);
  halve(descriptor.Width);
  halve(descriptor.Height);
  if (!layers) halve(descriptor.Depth);
  return descriptor;
}

}  // namespace governor
