// Virtual memory management: chunks, reservations, mappings, access.

#include <cstring>

#include "tests/conformance/conformance_fixture.h"

namespace governor {
namespace {

class VmmConformance : public ConformanceTest {
 protected:
  CUmemGenericAllocationHandle none_ = 0;
  CUdeviceptr nowhere_ = 0;
};

TEST_F(VmmConformance, TellsGranularity) {
  const CUmemAllocationProp properties = PlainProperties();
  size_t least = 0, best = 0;
  EXPECT_OK(MemGetAllocationGranularity, &least, &properties,
            CU_MEM_ALLOC_GRANULARITY_MINIMUM);
  EXPECT_OK(MemGetAllocationGranularity, &best, &properties,
            CU_MEM_ALLOC_GRANULARITY_RECOMMENDED);
  EXPECT_GT(least, 0u);
  EXPECT_EQ(least & (least - 1), 0u);
  EXPECT_EQ(best % least, 0u);
}

TEST_F(VmmConformance, GranularityRefusesMisuse) {
  const CUmemAllocationProp properties = PlainProperties();
  size_t size = 0;
  EXPECT_REFUSED(INVALID_VALUE, MemGetAllocationGranularity, nullptr,
                 &properties, CU_MEM_ALLOC_GRANULARITY_MINIMUM);
  EXPECT_REFUSED(INVALID_VALUE, MemGetAllocationGranularity, &size, nullptr,
                 CU_MEM_ALLOC_GRANULARITY_MINIMUM);
  EXPECT_REFUSED(INVALID_VALUE, MemGetAllocationGranularity, &size, &properties,
                 static_cast<CUmemAllocationGranularity_flags>(7));
}

// Free memory falls by what is created, and returns.
TEST_F(VmmConformance, CreatingTakesMemory) {
  const size_t size = 16 * block();
  const size_t before = Free();
  const CUmemAllocationProp properties = PlainProperties();
  CUmemGenericAllocationHandle chunk = 0;
  ASSERT_OK(MemCreate, &chunk, size, &properties, 0);
  EXPECT_EQ(before - Free(), size);
  EXPECT_OK(MemRelease, chunk);
  EXPECT_EQ(Free(), before);
}

TEST_F(VmmConformance, CreateRefusesMisuse) {
  const CUmemAllocationProp plain = PlainProperties();
  EXPECT_REFUSED(INVALID_VALUE, MemCreate, nullptr, block(), &plain, 0);
  EXPECT_REFUSED(INVALID_VALUE, MemCreate, &none_, block(), nullptr, 0);
  EXPECT_REFUSED(INVALID_VALUE, MemCreate, &none_, block(), &plain, 1);
  EXPECT_REFUSED(INVALID_VALUE, MemCreate, &none_, 0, &plain, 0);
  EXPECT_REFUSED(INVALID_VALUE, MemCreate, &none_, block() + 4096, &plain, 0);
  CUmemAllocationProp odd = plain;
  odd.type = CU_MEM_ALLOCATION_TYPE_INVALID;
  EXPECT_REFUSED(INVALID_VALUE, MemCreate, &none_, block(), &odd, 0);
  odd = plain;
  odd.location.type = CU_MEM_LOCATION_TYPE_INVALID;
  EXPECT_REFUSED(INVALID_VALUE, MemCreate, &none_, block(), &odd, 0);
}

TEST_F(VmmConformance, CreateNeedsADevice) {
  const CUmemAllocationProp elsewhere = PlainProperties(kNoDevice);
  EXPECT_REFUSED(INVALID_DEVICE, MemCreate, &none_, block(), &elsewhere, 0);
}

TEST_F(VmmConformance, CreatesNoMoreThanThereIs) {
  const CUmemAllocationProp plain = PlainProperties();
  EXPECT_REFUSED(OUT_OF_MEMORY, MemCreate, &none_, size_t{1} << 42, &plain, 0);
}

TEST_F(VmmConformance, ReleaseRefusesWhatIsNoHandle) {
  EXPECT_REFUSED(INVALID_VALUE, MemRelease, 0);
}

TEST_F(VmmConformance, ReleaseRefusesASecondTime) {
  HOST_DRIVER_ONLY();
  const CUmemAllocationProp plain = PlainProperties();
  CUmemGenericAllocationHandle chunk = 0;
  ASSERT_OK(MemCreate, &chunk, block(), &plain, 0);
  EXPECT_OK(MemRelease, chunk);
  EXPECT_REFUSED(INVALID_VALUE, MemRelease, chunk);
}

TEST_F(VmmConformance, TellsPropertiesBack) {
  CUmemAllocationProp wanted = PlainProperties(), got = {};
  wanted.requestedHandleTypes = CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR;
  CUmemGenericAllocationHandle chunk = 0;
  ASSERT_OK(MemCreate, &chunk, block(), &wanted, 0);
  EXPECT_OK(MemGetAllocationPropertiesFromHandle, &got, chunk);
  EXPECT_EQ(got.type, wanted.type);
  EXPECT_EQ(got.location.type, wanted.location.type);
  EXPECT_EQ(got.location.id, wanted.location.id);
  EXPECT_EQ(got.requestedHandleTypes, wanted.requestedHandleTypes);
  EXPECT_REFUSED(INVALID_VALUE, MemGetAllocationPropertiesFromHandle, nullptr,
                 chunk);
  EXPECT_OK(MemRelease, chunk);
}

TEST_F(VmmConformance, ReservesAligned) {
  const size_t alignment = 8 * block();
  CUdeviceptr base = 0;
  ASSERT_OK(MemAddressReserve, &base, block(), alignment, 0, 0);
  EXPECT_EQ(base % alignment, 0u);
  EXPECT_OK(MemAddressFree, base, block());
}

TEST_F(VmmConformance, ReservingTakesNoMemory) {
  const size_t before = Free();
  Reserve(64 * block());
  EXPECT_EQ(Free(), before);
}

TEST_F(VmmConformance, ReservesAtAHintThatIsFree) {
  CUdeviceptr base = 0, again = 0;
  ASSERT_OK(MemAddressReserve, &base, 4 * block(), 0, 0, 0);
  EXPECT_OK(MemAddressFree, base, 4 * block());
  ASSERT_OK(MemAddressReserve, &again, block(), 0, base, 0);
  EXPECT_EQ(again, base);
  EXPECT_OK(MemAddressFree, again, block());
}

TEST_F(VmmConformance, ReserveRefusesMisuse) {
  EXPECT_REFUSED(INVALID_VALUE, MemAddressReserve, &nowhere_, 0, 0, 0, 0);
  EXPECT_REFUSED(INVALID_VALUE, MemAddressReserve, &nowhere_, 4096, 0, 0, 0);
  EXPECT_REFUSED(INVALID_VALUE, MemAddressReserve, &nowhere_, block(), 3, 0, 0);
  EXPECT_REFUSED(INVALID_VALUE, MemAddressReserve, &nowhere_, block(), 0, 0, 1);
  EXPECT_REFUSED(INVALID_VALUE, MemAddressReserve, nullptr, block(), 0, 0, 0);
  EXPECT_REFUSED(OUT_OF_MEMORY, MemAddressReserve, &nowhere_, size_t{1} << 50,
                 0, 0, 0);
}

TEST_F(VmmConformance, FreesWholeReservationsAlone) {
  CUdeviceptr base = 0;
  ASSERT_OK(MemAddressReserve, &base, 4 * block(), 0, 0, 0);
  EXPECT_REFUSED(INVALID_VALUE, MemAddressFree, base, block());
  EXPECT_REFUSED(INVALID_VALUE, MemAddressFree, base + block(), 3 * block());
  EXPECT_REFUSED(INVALID_VALUE, MemAddressFree, 0, block());
  EXPECT_OK(MemAddressFree, base, 4 * block());
  EXPECT_REFUSED(INVALID_VALUE, MemAddressFree, base, 4 * block());
}

TEST_F(VmmConformance, FreesNoReservationInUse) {
  CUdeviceptr base = 0;
  ASSERT_OK(MemAddressReserve, &base, 2 * block(), 0, 0, 0);
  Commit(base, block());
  EXPECT_REFUSED(INVALID_VALUE, MemAddressFree, base, 2 * block());
  EXPECT_OK(MemUnmap, base, block());
  EXPECT_OK(MemAddressFree, base, 2 * block());
}

TEST_F(VmmConformance, MapRefusesMisuse) {
  const CUdeviceptr base = Reserve(4 * block());
  const CUmemGenericAllocationHandle chunk = NewChunk(block());
  EXPECT_REFUSED(INVALID_VALUE, MemMap, base, block(), 0, chunk, 1);
  EXPECT_REFUSED(INVALID_VALUE, MemMap, base, 0, 0, chunk, 0);
  EXPECT_REFUSED(INVALID_VALUE, MemMap, base + 4096, block(), 0, chunk, 0);
  EXPECT_REFUSED(INVALID_VALUE, MemMap, base - block(), block(), 0, chunk, 0);
  EXPECT_REFUSED(INVALID_VALUE, MemMap, base, block(), 0, 0, 0);
}

// As measured: neither a part of a chunk nor from within it.
TEST_F(VmmConformance, MapsWholeChunksAlone) {
  const CUdeviceptr base = Reserve(4 * block());
  const CUmemGenericAllocationHandle two = NewChunk(2 * block());
  EXPECT_REFUSED(NOT_SUPPORTED, MemMap, base, block(), 0, two, 0);
  EXPECT_REFUSED(NOT_SUPPORTED, MemMap, base, block(), block(), two, 0);
}

TEST_F(VmmConformance, MapsOverNothing) {
  const CUdeviceptr base = Reserve(2 * block());
  const CUmemGenericAllocationHandle chunk = NewChunk(block());
  Commit(base, block());
  EXPECT_REFUSED(INVALID_VALUE, MemMap, base, block(), 0, chunk, 0);
}

TEST_F(VmmConformance, MapsOneChunkTwice) {
  const CUdeviceptr base = Reserve(2 * block());
  const CUmemGenericAllocationHandle chunk = NewChunk(block());
  const CUmemAccessDesc access = Access();
  EXPECT_OK(MemMap, base, block(), 0, chunk, 0);
  EXPECT_OK(MemMap, base + block(), block(), 0, chunk, 0);
  EXPECT_OK(MemSetAccess, base, 2 * block(), &access, 1);
  EXPECT_OK(MemsetD32, base + 64, 42, 1);
  EXPECT_EQ(Read(base + block() + 64), 42u);
}

// Released, a chunk lives on until its last mapping goes.
TEST_F(VmmConformance, KeepsMemoryUntilTheLastUnmap) {
  const size_t before = Free();
  const CUdeviceptr base = Reserve(block());
  Commit(base, block());  // releases its handle
  EXPECT_OK(MemsetD32, base, 42, 1);
  EXPECT_EQ(Read(base), 42u);
  EXPECT_EQ(before - Free(), block());
  EXPECT_OK(MemUnmap, base, block());
  EXPECT_EQ(Free(), before);
}

TEST_F(VmmConformance, KeepsContentsAcrossAMove) {
  const CUdeviceptr base = Reserve(2 * block());
  const CUmemGenericAllocationHandle chunk = NewChunk(block());
  const CUmemAccessDesc access = Access();
  EXPECT_OK(MemMap, base, block(), 0, chunk, 0);
  EXPECT_OK(MemSetAccess, base, block(), &access, 1);
  EXPECT_OK(MemsetD32, base, 42, block() / 4);
  // Measured: to unmap does not wait, and the set would hit nothing.
  EXPECT_OK(CtxSynchronize);
  EXPECT_OK(MemUnmap, base, block());
  EXPECT_OK(MemMap, base + block(), block(), 0, chunk, 0);
  EXPECT_OK(MemSetAccess, base + block(), block(), &access, 1);
  EXPECT_EQ(Read(base + 2 * block() - 4), 42u);
}

TEST_F(VmmConformance, UnmapsWholeMappingsAlone) {
  const CUdeviceptr base = Reserve(4 * block());
  Commit(base, 2 * block());
  EXPECT_REFUSED(INVALID_VALUE, MemUnmap, base, block());
  EXPECT_REFUSED(INVALID_VALUE, MemUnmap, base + block(), block());
  EXPECT_REFUSED(INVALID_VALUE, MemUnmap, base, 0);
  EXPECT_REFUSED(INVALID_VALUE, MemUnmap, 0, block());
  EXPECT_OK(MemUnmap, base, 2 * block());
  // As measured: where nothing is mapped, there is nothing to complain of.
  EXPECT_OK(MemUnmap, base, 2 * block());
}

TEST_F(VmmConformance, UnmapsManyAtOnce) {
  const size_t before = Free();
  const CUdeviceptr base = Reserve(4 * block());
  for (int i = 0; i < 4; ++i) Commit(base + i * block(), block());
  EXPECT_EQ(before - Free(), 4 * block());
  EXPECT_OK(MemUnmap, base, 4 * block());
  EXPECT_EQ(Free(), before);
}

TEST_F(VmmConformance, AllowsAndForbids) {
  const CUdeviceptr base = Reserve(block());
  const CUmemGenericAllocationHandle chunk = NewChunk(block());
  const CUmemLocation here = {CU_MEM_LOCATION_TYPE_DEVICE, 0};
  unsigned long long flags = 77;  // NOLINT: CUDA's type
  EXPECT_OK(MemMap, base, block(), 0, chunk, 0);
  EXPECT_OK(MemGetAccess, &flags, &here, base);
  EXPECT_EQ(flags, 0u);
  for (const auto allowed :
       {CU_MEM_ACCESS_FLAGS_PROT_READWRITE, CU_MEM_ACCESS_FLAGS_PROT_READ,
        CU_MEM_ACCESS_FLAGS_PROT_NONE}) {
    const CUmemAccessDesc access = Access(allowed);
    EXPECT_OK(MemSetAccess, base, block(), &access, 1);
    EXPECT_OK(MemGetAccess, &flags, &here, base + block() - 1);
    EXPECT_EQ(flags, static_cast<unsigned>(allowed));
  }
}

TEST_F(VmmConformance, SetAccessRefusesMisuse) {
  const CUdeviceptr base = Reserve(4 * block());
  const CUmemAccessDesc access = Access();
  Commit(base, 2 * block());
  EXPECT_REFUSED(INVALID_VALUE, MemSetAccess, base, 0, &access, 1);
  EXPECT_REFUSED(INVALID_VALUE, MemSetAccess, base, 4096, &access, 1);
  EXPECT_REFUSED(INVALID_VALUE, MemSetAccess, base + 2 * block(), block(),
                 &access, 1);
  EXPECT_REFUSED(INVALID_VALUE, MemSetAccess, base, block(), &access, 1);
  EXPECT_REFUSED(INVALID_VALUE, MemSetAccess, base, 2 * block(), nullptr, 1);
  EXPECT_REFUSED(INVALID_VALUE, MemSetAccess, base, 2 * block(), &access, 0);
  const CUmemAccessDesc odd = Access(static_cast<CUmemAccess_flags>(2));
  EXPECT_REFUSED(INVALID_VALUE, MemSetAccess, base, 2 * block(), &odd, 1);
  const CUmemAccessDesc far =
      Access(CU_MEM_ACCESS_FLAGS_PROT_READWRITE, kNoDevice);
  EXPECT_REFUSED(INVALID_VALUE, MemSetAccess, base, 2 * block(), &far, 1);
}

TEST_F(VmmConformance, GetAccessRefusesMisuse) {
  const CUdeviceptr base = Reserve(2 * block());
  Commit(base, block());
  unsigned long long flags = 0;  // NOLINT: CUDA's type
  CUmemLocation location = {CU_MEM_LOCATION_TYPE_DEVICE, 0};
  EXPECT_REFUSED(INVALID_VALUE, MemGetAccess, nullptr, &location, base);
  EXPECT_REFUSED(INVALID_VALUE, MemGetAccess, &flags, nullptr, base);
  EXPECT_REFUSED(INVALID_VALUE, MemGetAccess, &flags, &location,
                 base + block());
  location.id = kNoDevice;
  EXPECT_REFUSED(INVALID_DEVICE, MemGetAccess, &flags, &location, base);
}

TEST_F(VmmConformance, RetainsWhatIsMapped) {
  const size_t before = Free();
  const CUdeviceptr base = Reserve(block());
  Commit(base, block());
  CUmemGenericAllocationHandle again = 0;
  ASSERT_OK(MemRetainAllocationHandle, &again, Pointer(base + 5));
  EXPECT_OK(MemUnmap, base, block());
  EXPECT_EQ(before - Free(), block());
  EXPECT_OK(MemRelease, again);
  EXPECT_EQ(Free(), before);
}

TEST_F(VmmConformance, RetainRefusesMisuse) {
  const CUdeviceptr base = Reserve(2 * block());
  const CUdeviceptr linear = NewLinear(block());
  Commit(base, block());
  EXPECT_REFUSED(INVALID_VALUE, MemRetainAllocationHandle, nullptr,
                 Pointer(base));
  EXPECT_REFUSED(INVALID_VALUE, MemRetainAllocationHandle, &none_,
                 Pointer(base + block()));
  EXPECT_REFUSED(INVALID_VALUE, MemRetainAllocationHandle, &none_,
                 Pointer(linear));
  EXPECT_REFUSED(INVALID_VALUE, MemRetainAllocationHandle, &none_, nullptr);
}

TEST_F(VmmConformance, NeedsNoCurrentContext) {
  const NoContext none;
  CUdeviceptr base = 0;
  ASSERT_OK(MemAddressReserve, &base, block(), 0, 0, 0);
  Commit(base, block());
  EXPECT_OK(MemUnmap, base, block());
  EXPECT_OK(MemAddressFree, base, block());
}

// Pinned host memory by the same calls, where attribute 145 says so.
TEST_F(VmmConformance, HasHostLocationsWhereTheAttributeSaysSo) {
  CUmemAllocationProp host = PlainProperties();
  host.location.type = CU_MEM_LOCATION_TYPE_HOST;
  if (device().Attribute(
          CU_DEVICE_ATTRIBUTE_HOST_VIRTUAL_MEMORY_MANAGEMENT_SUPPORTED) == 0) {
    EXPECT_REFUSED(NOT_SUPPORTED, MemCreate, &none_, block(), &host, 0);
    return;
  }
  host.location.id = 0;
  CUmemGenericAllocationHandle chunk = 0;
  const size_t before = Free();
  ASSERT_OK(MemCreate, &chunk, block(), &host, 0);
  EXPECT_EQ(Free(), before);  // none of the device's
  const CUdeviceptr base = Reserve(block());
  EXPECT_OK(MemMap, base, block(), 0, chunk, 0);
  CUmemAccessDesc both[] = {Access(), Access()};
  both[1].location = host.location;
  EXPECT_OK(MemSetAccess, base, block(), both, 2);
  EXPECT_OK(MemsetD32, base, 42, 1);
  EXPECT_OK(CtxSynchronize);
  EXPECT_EQ(*reinterpret_cast<volatile uint32_t*>(base), 42u);
  EXPECT_OK(MemUnmap, base, block());
  EXPECT_OK(MemRelease, chunk);
}

// The same on a memory node of the host's, by attribute 141.
TEST_F(VmmConformance, HasHostNodesWhereTheAttributeSaysSo) {
  CUmemAllocationProp node = PlainProperties();
  node.location.type = CU_MEM_LOCATION_TYPE_HOST_NUMA;
  node.location.id = 0;
  if (device().Attribute(
          CU_DEVICE_ATTRIBUTE_HOST_NUMA_VIRTUAL_MEMORY_MANAGEMENT_SUPPORTED) ==
      0) {
    EXPECT_REFUSED(NOT_SUPPORTED, MemCreate, &none_, block(), &node, 0);
    return;
  }
  CUmemGenericAllocationHandle chunk = 0;
  ASSERT_OK(MemCreate, &chunk, block(), &node, 0);
  CUmemAllocationProp got = {};
  EXPECT_OK(MemGetAllocationPropertiesFromHandle, &got, chunk);
  EXPECT_EQ(got.location.type, CU_MEM_LOCATION_TYPE_HOST_NUMA);
  EXPECT_OK(MemRelease, chunk);
}

}  // namespace
}  // namespace governor
