#include "governor/memory/driver_answer.h"

#include "governor/driver/cuda_status.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

using absl::StatusCode;

TEST(DriverAnswerTest, AnArgumentOfOursThatTheDriverRefusesIsInternal) {
  for (const CUresult result :
       {CUDA_ERROR_INVALID_VALUE, CUDA_ERROR_INVALID_HANDLE,
        CUDA_ERROR_NOT_MAPPED, CUDA_ERROR_INVALID_DEVICE}) {
    const absl::Status status = DriverAnswer{result, "cuMemMap"}.ToStatus();
    EXPECT_EQ(status.code(), StatusCode::kInternal) << status;
    EXPECT_EQ(CudaResultOf(status), result);
    EXPECT_EQ(status.message(), CudaStatus(result, "cuMemMap").message());
  }
}

TEST(DriverAnswerTest, OtherErrorsMeanWhatTheyMean) {
  EXPECT_TRUE(DriverAnswer().ToStatus().ok());
  for (const CUresult result : {CUDA_ERROR_OUT_OF_MEMORY, CUDA_ERROR_UNKNOWN,
                                CUDA_ERROR_NOT_SUPPORTED}) {
    EXPECT_EQ((DriverAnswer{result, "cuMemMap"}.ToStatus()),
              CudaStatus(result, "cuMemMap"));
  }
  const absl::Status callers = absl::InvalidArgumentError("no such block");
  EXPECT_EQ(OfOwnCall(callers), callers);
}

TEST(DriverAnswerTest, TheFirstErrorStays) {
  DriverAnswer answer;
  answer.Update({CUDA_ERROR_UNKNOWN, "cuMemUnmap"});
  answer.Update({CUDA_ERROR_OUT_OF_MEMORY, "cuMemRelease"});
  answer.Update({});
  EXPECT_EQ(answer.result, CUDA_ERROR_UNKNOWN);
  EXPECT_STREQ(answer.call, "cuMemUnmap");
}

}  // namespace
}  // namespace governor
