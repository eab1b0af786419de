// Start, versions, errors, devices.

#include <cstring>
#include <map>
#include <string>

#include "governor/base/bytes.h"
#include "governor/driver/host_driver/host_driver.h"
#include "governor/driver/host_driver/personality.h"
#include "governor/policy/network_buffers.h"
#include "tests/conformance/conformance_fixture.h"

namespace governor {
namespace {

class DeviceConformance : public ConformanceTest {};

TEST_F(DeviceConformance, InitMayBeRepeated) { EXPECT_OK(Init, 0); }

TEST_F(DeviceConformance, InitRefusesFlags) {
  EXPECT_REFUSED(INVALID_VALUE, Init, 1);
}

TEST_F(DeviceConformance, TellsTheDriversVersion) {
  int version = 0;
  EXPECT_OK(DriverGetVersion, &version);
  EXPECT_GE(version, 11040);
  EXPECT_REFUSED(INVALID_VALUE, DriverGetVersion, nullptr);
}

TEST_F(DeviceConformance, NamesErrors) {
  const char* text = nullptr;
  EXPECT_OK(GetErrorName, CUDA_ERROR_OUT_OF_MEMORY, &text);
  EXPECT_STREQ(text, "CUDA_ERROR_OUT_OF_MEMORY");
  EXPECT_OK(GetErrorString, CUDA_ERROR_OUT_OF_MEMORY, &text);
  EXPECT_STREQ(text, "out of memory");
  EXPECT_OK(GetErrorName, CUDA_SUCCESS, &text);
  EXPECT_STREQ(text, "CUDA_SUCCESS");
}

TEST_F(DeviceConformance, NamesNoUnknownError) {
  const char* text = "";
  EXPECT_REFUSED(INVALID_VALUE, GetErrorName, static_cast<CUresult>(77), &text);
  EXPECT_EQ(text, nullptr);
  EXPECT_REFUSED(INVALID_VALUE, GetErrorString, static_cast<CUresult>(77),
                 &text);
}

TEST_F(DeviceConformance, CountsDevices) {
  int count = 0;
  EXPECT_OK(DeviceGetCount, &count);
  EXPECT_GE(count, 1);
  EXPECT_REFUSED(INVALID_VALUE, DeviceGetCount, nullptr);
}

TEST_F(DeviceConformance, GivesDevices) {
  CUdevice got = -1;
  EXPECT_OK(DeviceGet, &got, 0);
  EXPECT_EQ(got, 0);
  EXPECT_REFUSED(INVALID_VALUE, DeviceGet, nullptr, 0);
  EXPECT_REFUSED(INVALID_DEVICE, DeviceGet, &got, -1);
  EXPECT_REFUSED(INVALID_DEVICE, DeviceGet, &got, device().count());
}

TEST_F(DeviceConformance, NamesDevices) {
  char name[64] = {};
  EXPECT_OK(DeviceGetName, name, sizeof(name), 0);
  const std::string whole = name;
  EXPECT_GT(whole.size(), 4u);
  EXPECT_OK(DeviceGetName, name, 4, 0);
  EXPECT_EQ(name, whole.substr(0, 3));
  EXPECT_REFUSED(INVALID_VALUE, DeviceGetName, nullptr, 64, 0);
  EXPECT_REFUSED(INVALID_DEVICE, DeviceGetName, name, 64, kNoDevice);
}

TEST_F(DeviceConformance, GivesUuids) {
  CUuuid first = {}, again = {};
  EXPECT_OK(DeviceGetUuid, &first, 0);
  EXPECT_OK(DeviceGetUuid, &again, 0);
  EXPECT_EQ(std::memcmp(&first, &again, sizeof(first)), 0);
  if (device().count() > 1) {
    EXPECT_OK(DeviceGetUuid, &again, 1);
    EXPECT_NE(std::memcmp(&first, &again, sizeof(first)), 0);
  }
  EXPECT_REFUSED(INVALID_VALUE, DeviceGetUuid, nullptr, 0);
  EXPECT_REFUSED(INVALID_DEVICE, DeviceGetUuid, &first, kNoDevice);
}

TEST_F(DeviceConformance, TellsTotalMemory) {
  size_t total = 0, free = 0, of_info = 0;
  EXPECT_OK(DeviceTotalMem, &total, 0);
  EXPECT_OK(MemGetInfo, &free, &of_info);
  EXPECT_EQ(total, of_info);
  EXPECT_LE(free, total);
  EXPECT_REFUSED(INVALID_VALUE, DeviceTotalMem, nullptr, 0);
  EXPECT_REFUSED(INVALID_DEVICE, DeviceTotalMem, &total, kNoDevice);
}

TEST_F(DeviceConformance, TellsAttributes) {
  int value = 0;
  EXPECT_OK(DeviceGetAttribute, &value, CU_DEVICE_ATTRIBUTE_WARP_SIZE, 0);
  EXPECT_EQ(value, 32);
  EXPECT_REFUSED(INVALID_VALUE, DeviceGetAttribute, nullptr,
                 CU_DEVICE_ATTRIBUTE_WARP_SIZE, 0);
  EXPECT_REFUSED(INVALID_VALUE, DeviceGetAttribute, &value,
                 static_cast<CUdevice_attribute>(9999), 0);
  EXPECT_REFUSED(INVALID_DEVICE, DeviceGetAttribute, &value,
                 CU_DEVICE_ATTRIBUTE_WARP_SIZE, kNoDevice);
}

// What decides how memory is governed, as measured on an H200.
TEST_F(DeviceConformance, AttributesAreThoseMeasuredOnAnH200) {
  if (device().Attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR) != 9) {
    GTEST_SKIP() << "measured on an H200 alone";
  }
  const std::map<int, int> measured = {
      {CU_DEVICE_ATTRIBUTE_INTEGRATED, 0},
      {CU_DEVICE_ATTRIBUTE_MANAGED_MEMORY, 1},
      {CU_DEVICE_ATTRIBUTE_PAGEABLE_MEMORY_ACCESS, 0},
      {CU_DEVICE_ATTRIBUTE_CONCURRENT_MANAGED_ACCESS, 1},
      {CU_DEVICE_ATTRIBUTE_CAN_USE_HOST_POINTER_FOR_REGISTERED_MEM, 1},
      {CU_DEVICE_ATTRIBUTE_HOST_REGISTER_SUPPORTED, 1},
      {CU_DEVICE_ATTRIBUTE_PAGEABLE_MEMORY_ACCESS_USES_HOST_PAGE_TABLES, 0},
      {CU_DEVICE_ATTRIBUTE_DIRECT_MANAGED_MEM_ACCESS_FROM_HOST, 0},
      {CU_DEVICE_ATTRIBUTE_VIRTUAL_MEMORY_MANAGEMENT_SUPPORTED, 1},
      {CU_DEVICE_ATTRIBUTE_READ_ONLY_HOST_REGISTER_SUPPORTED, 1},
      {CU_DEVICE_ATTRIBUTE_GPU_DIRECT_RDMA_SUPPORTED, 1},
      {CU_DEVICE_ATTRIBUTE_DMA_BUF_SUPPORTED, 1},
      {CU_DEVICE_ATTRIBUTE_HOST_NUMA_VIRTUAL_MEMORY_MANAGEMENT_SUPPORTED, 1},
      {CU_DEVICE_ATTRIBUTE_HOST_VIRTUAL_MEMORY_MANAGEMENT_SUPPORTED, 1}};
  for (const auto& [number, expected] : measured) {
    EXPECT_EQ(device().Attribute(number), expected) << "attribute " << number;
  }
}

// Where 2 GiB of buffers for the network go, by what the device says.
NetworkBuffers BookTwoGiB(const DriverApi& api) {
  int rdma = -1, dma_buf = -1;
  EXPECT_EQ(api.DeviceGetAttribute(
                &rdma, CU_DEVICE_ATTRIBUTE_GPU_DIRECT_RDMA_SUPPORTED, 0),
            CUDA_SUCCESS);
  EXPECT_EQ(api.DeviceGetAttribute(&dma_buf,
                                   CU_DEVICE_ATTRIBUTE_DMA_BUF_SUPPORTED, 0),
            CUDA_SUCCESS);
  EXPECT_EQ(rdma, dma_buf);
  return BookNetworkBuffers(
      GiB(2), {.gpu_direct_rdma = rdma == 1, .dma_buf = dma_buf == 1});
}

// A network card may read this device's memory.
TEST_F(DeviceConformance, AT39_H200LetsNetworkCardsIn) {
  if (device().Attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR) != 9) {
    GTEST_SKIP() << "measured on an H200 alone";
  }
  EXPECT_EQ(device().Attribute(116), 1);
  EXPECT_EQ(device().Attribute(124), 1);
  EXPECT_EQ(BookTwoGiB(api()).device, GiB(2));
  EXPECT_EQ(BookTwoGiB(api()).host_pinned, Bytes());
}

// As reported of GB10: it may not, and its buffers are pinned host memory.
TEST_F(DeviceConformance, AT39_Gb10KeepsNetworkCardsOut) {
  const auto gb10 =
      HostDriver::Create(*ParsePersonality("gb10,memory=1GiB", GiB(8)));
  ASSERT_TRUE(gb10.ok()) << gb10.status();
  ASSERT_EQ((*gb10)->api().Init(0), CUDA_SUCCESS);
  EXPECT_EQ(BookTwoGiB((*gb10)->api()).device, Bytes());
  EXPECT_EQ(BookTwoGiB((*gb10)->api()).host_pinned, GiB(2));
}

TEST_F(DeviceConformance, FindsADeviceByItsBusId) {
  char bus_id[32] = {};
  EXPECT_OK(DeviceGetPCIBusId, bus_id, sizeof(bus_id), 0);
  // domain:bus:device.function
  EXPECT_EQ(std::string(bus_id).find(':'), 4u) << bus_id;
  EXPECT_NE(std::string(bus_id).find('.'), std::string::npos) << bus_id;
  CUdevice found = -1;
  EXPECT_OK(DeviceGetByPCIBusId, &found, bus_id);
  EXPECT_EQ(found, 0);
}

TEST_F(DeviceConformance, BusIdRefusesMisuse) {
  char bus_id[32] = {};
  CUdevice found = -1;
  EXPECT_REFUSED(INVALID_VALUE, DeviceGetPCIBusId, nullptr, 32, 0);
  EXPECT_REFUSED(INVALID_DEVICE, DeviceGetPCIBusId, bus_id, 32, kNoDevice);
  EXPECT_OK(DeviceGetPCIBusId, bus_id, sizeof(bus_id), 0);
  EXPECT_REFUSED(INVALID_VALUE, DeviceGetByPCIBusId, nullptr, bus_id);
  EXPECT_REFUSED(INVALID_VALUE, DeviceGetByPCIBusId, &found, nullptr);
  EXPECT_REFUSED(INVALID_DEVICE, DeviceGetByPCIBusId, &found, "7fff:fe:1f.0");
}

// Measured: there is none, as CUDA documents LUIDs for Windows alone.
TEST_F(DeviceConformance, HasNoLuidOnLinux) {
  char luid[8] = {};
  unsigned int mask = 0;
  EXPECT_REFUSED(NOT_SUPPORTED, DeviceGetLuid, luid, &mask, 0);
}

}  // namespace
}  // namespace governor
