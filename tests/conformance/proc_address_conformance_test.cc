// cuGetProcAddress_v2, by which programs find the driver's functions.

#include <string>

#include "governor/driver/symbol_versions.h"
#include "tests/conformance/conformance_fixture.h"

namespace governor {
namespace {

class ProcAddressConformance : public ConformanceTest {
 protected:
  // What a name and a version find; null if nothing.
  void* Find(const std::string& name, int version) {
    void* function = this;
    status_ = CU_GET_PROC_ADDRESS_SUCCESS;
    EXPECT_OK(GetProcAddress, name.c_str(), &function, version, 0, &status_)
        << name;
    return function;
  }

  CUdriverProcAddressQueryResult status_ = CU_GET_PROC_ADDRESS_SUCCESS;
};

TEST_F(ProcAddressConformance, FindsEveryRowByItsVersion) {
  const auto expect = [&](const char* symbol, const void* row) {
    if (row == nullptr) return;  // the driver has none
    const int version = IntroducedIn(symbol);
    ASSERT_GT(version, 0) << symbol;
    const void* const found = Find(std::string(BaseNameOf(symbol)), version);
    EXPECT_NE(found, nullptr) << symbol;
    EXPECT_EQ(status_, CU_GET_PROC_ADDRESS_SUCCESS) << symbol;
    if (!device().is_hardware()) {
      EXPECT_EQ(found, row) << symbol;
    }
  };
#define GOVERNOR_EXPECT(field, symbol) \
  expect(#symbol, reinterpret_cast<const void*>(api().field));
  GOVERNOR_DRIVER_SYMBOLS(GOVERNOR_EXPECT)
  GOVERNOR_DRIVER_OPTIONAL_SYMBOLS(GOVERNOR_EXPECT)
#undef GOVERNOR_EXPECT
}

// A function that came later than the caller's version is not given. Asked of
// names with one variant; the others have an older one.
TEST_F(ProcAddressConformance, FindsNoRowBeforeItsVersion) {
  const auto expect = [&](const char* symbol, const void* row) {
    if (row == nullptr || BaseNameOf(symbol) != symbol) return;
    const int version = IntroducedIn(symbol);
    if (version <= 2000) return;  // there was none before
    EXPECT_EQ(Find(symbol, version - 10), nullptr) << symbol;
    EXPECT_EQ(status_, CU_GET_PROC_ADDRESS_VERSION_NOT_SUFFICIENT) << symbol;
  };
#define GOVERNOR_EXPECT(field, symbol) \
  expect(#symbol, reinterpret_cast<const void*>(api().field));
  GOVERNOR_DRIVER_SYMBOLS(GOVERNOR_EXPECT)
  GOVERNOR_DRIVER_OPTIONAL_SYMBOLS(GOVERNOR_EXPECT)
#undef GOVERNOR_EXPECT
}

// As measured: what is not found is a success too, and null.
TEST_F(ProcAddressConformance, SaysWhatItDoesNotKnow) {
  for (const char* name : {"cuNoSuchCall", "cuMemAlloc_v2", "cu"}) {
    EXPECT_EQ(Find(name, 13000), nullptr) << name;
    EXPECT_EQ(status_, CU_GET_PROC_ADDRESS_SYMBOL_NOT_FOUND) << name;
  }
}

TEST_F(ProcAddressConformance, WhatItFindsWorks) {
  const auto get_version = reinterpret_cast<decltype(&cuDriverGetVersion)>(
      Find("cuDriverGetVersion", 13000));
  ASSERT_NE(get_version, nullptr);
  int version = 0, expected = 0;
  EXPECT_EQ(get_version(&version), CUDA_SUCCESS);
  EXPECT_OK(DriverGetVersion, &expected);
  EXPECT_EQ(version, expected);
}

TEST_F(ProcAddressConformance, StatusIsOptional) {
  void* function = nullptr;
  EXPECT_OK(GetProcAddress, "cuInit", &function, 13000, 0, nullptr);
  EXPECT_NE(function, nullptr);
}

// The stream per thread is another function of the same name.
TEST_F(ProcAddressConformance, KnowsTheFlagOfThePerThreadStream) {
  void* function = nullptr;
  EXPECT_OK(GetProcAddress, "cuStreamSynchronize", &function, 13000,
            CU_GET_PROC_ADDRESS_PER_THREAD_DEFAULT_STREAM, nullptr);
  EXPECT_NE(function, nullptr);
}

TEST_F(ProcAddressConformance, RefusesMisuse) {
  void* function = nullptr;
  EXPECT_REFUSED(INVALID_VALUE, GetProcAddress, "cuInit", &function, 13000, 4,
                 nullptr);
  HOST_DRIVER_ONLY();  // driver 580.159.04 crashes
  EXPECT_REFUSED(INVALID_VALUE, GetProcAddress, nullptr, &function, 13000, 0,
                 nullptr);
  EXPECT_REFUSED(INVALID_VALUE, GetProcAddress, "cuInit", nullptr, 13000, 0,
                 nullptr);
}

}  // namespace
}  // namespace governor
