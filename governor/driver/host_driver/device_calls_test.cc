#include <cstring>
#include <string>

#include "governor/driver/host_driver/host_driver_fixture.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

class DeviceCallsTest : public HostDriverTest {
 protected:
  DeviceCallsTest()
      : HostDriverTest("h200,memory=1GiB,context=16MiB,devices=2") {}

  static constexpr CUdevice kNoDevice = 2;
};

// Before cuInit, only constants can be asked for.
TEST(InitTest, ComesBeforeEverythingElse) {
  const auto driver =
      HostDriver::Create(*PersonalityNamed("gb10", GiB(1))).value();
  const DriverApi& api = driver->api();
  int number = 0;
  const char* text = nullptr;
  void* function = nullptr;
  CUdeviceptr address = 0;
  EXPECT_EQ(api.DeviceGetCount(&number), CUDA_ERROR_NOT_INITIALIZED);
  EXPECT_EQ(api.MemAddressReserve(&address, 2 << 20, 0, 0, 0),
            CUDA_ERROR_NOT_INITIALIZED);
  EXPECT_EQ(api.CtxSynchronize(), CUDA_ERROR_NOT_INITIALIZED);
  EXPECT_EQ(api.DriverGetVersion(&number), CUDA_SUCCESS);
  EXPECT_EQ(api.GetErrorName(CUDA_SUCCESS, &text), CUDA_SUCCESS);
  EXPECT_EQ(api.GetErrorString(CUDA_SUCCESS, &text), CUDA_SUCCESS);
  EXPECT_EQ(api.GetProcAddress("cuInit", &function, 12000, 0, nullptr),
            CUDA_SUCCESS);

  EXPECT_EQ(api.Init(1), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api.DeviceGetCount(&number), CUDA_ERROR_NOT_INITIALIZED);
  EXPECT_EQ(api.Init(0), CUDA_SUCCESS);
  EXPECT_EQ(api.Init(0), CUDA_SUCCESS);
  EXPECT_EQ(api.DeviceGetCount(&number), CUDA_SUCCESS);
}

TEST_F(DeviceCallsTest, TellsTheDriversVersion) {
  int version = 0;
  EXPECT_EQ(api_.DriverGetVersion(&version), CUDA_SUCCESS);
  EXPECT_EQ(version, 13000);
  EXPECT_EQ(api_.DriverGetVersion(nullptr), CUDA_ERROR_INVALID_VALUE);
}

TEST_F(DeviceCallsTest, NamesErrors) {
  const char* text = nullptr;
  EXPECT_EQ(api_.GetErrorName(CUDA_ERROR_OUT_OF_MEMORY, &text), CUDA_SUCCESS);
  EXPECT_STREQ(text, "CUDA_ERROR_OUT_OF_MEMORY");
  EXPECT_EQ(api_.GetErrorString(CUDA_ERROR_OUT_OF_MEMORY, &text), CUDA_SUCCESS);
  EXPECT_STREQ(text, "out of memory");
  const CUresult unknown = static_cast<CUresult>(9);
  EXPECT_EQ(api_.GetErrorName(unknown, &text), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(text, nullptr);
  text = "";
  EXPECT_EQ(api_.GetErrorString(unknown, &text), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(text, nullptr);
  EXPECT_EQ(api_.GetErrorName(unknown, nullptr), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.GetErrorString(unknown, nullptr), CUDA_ERROR_INVALID_VALUE);
}

TEST_F(DeviceCallsTest, CountsAndGivesDevices) {
  int count = 0;
  CUdevice device = -1;
  EXPECT_EQ(api_.DeviceGetCount(&count), CUDA_SUCCESS);
  EXPECT_EQ(count, 2);
  EXPECT_EQ(api_.DeviceGet(&device, 1), CUDA_SUCCESS);
  EXPECT_EQ(device, 1);
  EXPECT_EQ(api_.DeviceGetCount(nullptr), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.DeviceGet(nullptr, 0), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.DeviceGet(&device, -1), CUDA_ERROR_INVALID_DEVICE);
  EXPECT_EQ(api_.DeviceGet(&device, 2), CUDA_ERROR_INVALID_DEVICE);
  EXPECT_EQ(device, 1);
}

TEST_F(DeviceCallsTest, NamesDevices) {
  char name[64] = {};
  EXPECT_EQ(api_.DeviceGetName(name, sizeof(name), 0), CUDA_SUCCESS);
  EXPECT_STREQ(name, "NVIDIA H200");
  EXPECT_EQ(api_.DeviceGetName(name, 4, 0), CUDA_SUCCESS);
  EXPECT_STREQ(name, "NVI");
  EXPECT_EQ(api_.DeviceGetName(name, 1, 0), CUDA_SUCCESS);
  EXPECT_STREQ(name, "");
  EXPECT_EQ(api_.DeviceGetName(name, 0, 0), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.DeviceGetName(nullptr, 64, 0), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.DeviceGetName(name, 64, kNoDevice), CUDA_ERROR_INVALID_DEVICE);
}

TEST_F(DeviceCallsTest, GivesEachDeviceItsUuid) {
  CUuuid first = {}, again = {}, second = {};
  EXPECT_EQ(api_.DeviceGetUuid(&first, 0), CUDA_SUCCESS);
  EXPECT_EQ(api_.DeviceGetUuid(&again, 0), CUDA_SUCCESS);
  EXPECT_EQ(api_.DeviceGetUuid(&second, 1), CUDA_SUCCESS);
  EXPECT_EQ(std::memcmp(&first, &again, sizeof(first)), 0);
  EXPECT_NE(std::memcmp(&first, &second, sizeof(first)), 0);
  EXPECT_EQ(api_.DeviceGetUuid(nullptr, 0), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.DeviceGetUuid(&first, kNoDevice), CUDA_ERROR_INVALID_DEVICE);
}

TEST_F(DeviceCallsTest, TellsADevicesMemory) {
  size_t total = 0;
  EXPECT_EQ(api_.DeviceTotalMem(&total, 1), CUDA_SUCCESS);
  EXPECT_EQ(Bytes(total), GiB(1));
  EXPECT_EQ(api_.DeviceTotalMem(nullptr, 0), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.DeviceTotalMem(&total, kNoDevice), CUDA_ERROR_INVALID_DEVICE);
}

TEST_F(DeviceCallsTest, TellsAttributes) {
  const auto ask = [&](int number, CUdevice device, int* value) {
    return api_.DeviceGetAttribute(
        value, static_cast<CUdevice_attribute>(number), device);
  };
  int value = -7;
  EXPECT_EQ(
      ask(CU_DEVICE_ATTRIBUTE_VIRTUAL_MEMORY_MANAGEMENT_SUPPORTED, 0, &value),
      CUDA_SUCCESS);
  EXPECT_EQ(value, 1);
  EXPECT_EQ(ask(CU_DEVICE_ATTRIBUTE_NUMA_ID, 0, &value), CUDA_SUCCESS);
  EXPECT_EQ(value, -1);
  // Valid numbers that the personality says nothing about read as zero.
  EXPECT_EQ(ask(CU_DEVICE_ATTRIBUTE_INTEGRATED, 1, &value), CUDA_SUCCESS);
  EXPECT_EQ(value, 0);
  EXPECT_EQ(ask(147, 0, &value), CUDA_SUCCESS);
  EXPECT_EQ(ask(0, 0, &value), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(ask(-1, 0, &value), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(ask(148, 0, &value), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(ask(1, 0, nullptr), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(ask(1, kNoDevice, &value), CUDA_ERROR_INVALID_DEVICE);
  EXPECT_EQ(ask(9999, kNoDevice, &value), CUDA_ERROR_INVALID_DEVICE);
}

TEST_F(DeviceCallsTest, KnowsDevicesByTheirBus) {
  char bus_id[32] = {};
  CUdevice device = -1;
  int bus = 0;
  ASSERT_EQ(api_.DeviceGetPCIBusId(bus_id, sizeof(bus_id), 1), CUDA_SUCCESS);
  EXPECT_STREQ(bus_id, "0000:02:00.0");
  EXPECT_EQ(api_.DeviceGetAttribute(&bus, CU_DEVICE_ATTRIBUTE_PCI_BUS_ID, 1),
            CUDA_SUCCESS);
  EXPECT_EQ(bus, 2);
  for (const char* text :
       {"0000:02:00.0", "0:2:0.0", "0000:02:00", "02:00.0"}) {
    device = -1;
    EXPECT_EQ(api_.DeviceGetByPCIBusId(&device, text), CUDA_SUCCESS) << text;
    EXPECT_EQ(device, 1) << text;
  }
  for (const char* text : {"0000:3B:00.0", "0001:02:00.0", "02:01.0"}) {
    EXPECT_EQ(api_.DeviceGetByPCIBusId(&device, text),
              CUDA_ERROR_INVALID_DEVICE)
        << text;
  }
  for (const char* text :
       {"", "02", "02:00", "0000:02:00.0 ", "0000:02:00.", "0000:+2:00.0",
        "0000:0x2:00.0", "0000:002:00.0", "0:0:2:0.0", "gpu0", "02:00.0.0"}) {
    EXPECT_EQ(api_.DeviceGetByPCIBusId(&device, text), CUDA_ERROR_INVALID_VALUE)
        << text;
  }
  EXPECT_EQ(api_.DeviceGetPCIBusId(bus_id, 13, 0), CUDA_SUCCESS);
  EXPECT_EQ(api_.DeviceGetPCIBusId(bus_id, 12, 0), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.DeviceGetPCIBusId(nullptr, 32, 0), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.DeviceGetPCIBusId(bus_id, 32, kNoDevice),
            CUDA_ERROR_INVALID_DEVICE);
  EXPECT_EQ(api_.DeviceGetByPCIBusId(nullptr, "02:00.0"),
            CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.DeviceGetByPCIBusId(&device, nullptr),
            CUDA_ERROR_INVALID_VALUE);
}

TEST_F(DeviceCallsTest, HasNoLuid) {
  char luid[8] = {};
  unsigned int mask = 0;
  EXPECT_EQ(api_.DeviceGetLuid(luid, &mask, 0), CUDA_ERROR_NOT_SUPPORTED);
  EXPECT_EQ(api_.DeviceGetLuid(luid, &mask, kNoDevice),
            CUDA_ERROR_INVALID_DEVICE);
  EXPECT_EQ(api_.DeviceGetLuid(nullptr, &mask, 0), CUDA_ERROR_INVALID_VALUE);
}

class GetProcAddressTest : public DeviceCallsTest {
 protected:
  struct Answer {
    CUresult result;
    void* function;
    int status;
  };

  Answer Ask(const char* symbol, int version, cuuint64_t flags = 0) {
    void* function = this;
    CUdriverProcAddressQueryResult status =
        static_cast<CUdriverProcAddressQueryResult>(9);
    const CUresult result =
        api_.GetProcAddress(symbol, &function, version, flags, &status);
    return {result, function, status};
  }
};

TEST_F(GetProcAddressTest, FindsEveryRowByItsBaseName) {
  const auto expect = [&](std::string symbol, const void* function) {
    const size_t suffix = symbol.find("_v");
    if (suffix != std::string::npos) symbol.resize(suffix);
    const Answer answer = Ask(symbol.c_str(), 13000);
    EXPECT_EQ(answer.result, CUDA_SUCCESS) << symbol;
    EXPECT_EQ(answer.status, CU_GET_PROC_ADDRESS_SUCCESS) << symbol;
    EXPECT_EQ(answer.function, function) << symbol;
  };
#define GOVERNOR_EXPECT(field, symbol) \
  expect(#symbol, reinterpret_cast<const void*>(api_.field));
  GOVERNOR_DRIVER_SYMBOLS(GOVERNOR_EXPECT)
  GOVERNOR_DRIVER_OPTIONAL_SYMBOLS(GOVERNOR_EXPECT)
#undef GOVERNOR_EXPECT
}

// Where the table has no variant of its own for the streams of each thread, the
// plain one is found.
TEST_F(GetProcAddressTest, FindsTheSameForBothKindsOfDefaultStream) {
  for (const cuuint64_t flags :
       {CU_GET_PROC_ADDRESS_LEGACY_STREAM,
        CU_GET_PROC_ADDRESS_PER_THREAD_DEFAULT_STREAM}) {
    const Answer answer = Ask("cuMemcpy2DAsync", 13000, flags);
    EXPECT_EQ(answer.status, CU_GET_PROC_ADDRESS_SUCCESS);
    EXPECT_EQ(answer.function, reinterpret_cast<void*>(api_.Memcpy2DAsync));
  }
}

// As measured: what is not found is a success too, and null.
TEST_F(GetProcAddressTest, SaysWhatItDoesNotKnow) {
  for (const char* symbol : {"cuNoSuchCall", "cuMemAlloc_v2", "", "cu"}) {
    const Answer answer = Ask(symbol, 13000);
    EXPECT_EQ(answer.result, CUDA_SUCCESS) << symbol;
    EXPECT_EQ(answer.status, CU_GET_PROC_ADDRESS_SYMBOL_NOT_FOUND) << symbol;
    EXPECT_EQ(answer.function, nullptr) << symbol;
  }
  const Answer early = Ask("cuMemCreate", 10010);
  EXPECT_EQ(early.result, CUDA_SUCCESS);
  EXPECT_EQ(early.status, CU_GET_PROC_ADDRESS_VERSION_NOT_SUFFICIENT);
  EXPECT_EQ(early.function, nullptr);
  EXPECT_EQ(Ask("cuMemCreate", 10020).status, CU_GET_PROC_ADDRESS_SUCCESS);
}

TEST_F(GetProcAddressTest, RefusesMisuse) {
  EXPECT_EQ(Ask("cuInit", 13010).result, CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(Ask("cuInit", 13000, 4).result, CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(Ask("cuInit", 13000, 4).function, this);  // untouched
  EXPECT_EQ(Ask("cuInit", 13000, 3).result, CUDA_SUCCESS);
  EXPECT_EQ(Ask(nullptr, 13000).result, CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.GetProcAddress("cuInit", nullptr, 13000, 0, nullptr),
            CUDA_ERROR_INVALID_VALUE);
}

}  // namespace
}  // namespace governor
