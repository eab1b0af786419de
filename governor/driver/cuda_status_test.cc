#include "governor/driver/cuda_status.h"

#include "absl/strings/match.h"
#include "governor/driver/cuda_result_names.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

TEST(CudaStatusTest, MapsEachKindOfResult) {
  const struct {
    CUresult result;
    absl::StatusCode code;
  } kCases[] = {
      {CUDA_SUCCESS, absl::StatusCode::kOk},
      {CUDA_ERROR_OUT_OF_MEMORY, absl::StatusCode::kResourceExhausted},
      {CUDA_ERROR_INVALID_VALUE, absl::StatusCode::kInvalidArgument},
      {CUDA_ERROR_INVALID_DEVICE, absl::StatusCode::kInvalidArgument},
      {CUDA_ERROR_INVALID_HANDLE, absl::StatusCode::kInvalidArgument},
      {CUDA_ERROR_NO_DEVICE, absl::StatusCode::kUnavailable},
      {CUDA_ERROR_SYSTEM_NOT_READY, absl::StatusCode::kUnavailable},
      {CUDA_ERROR_NOT_SUPPORTED, absl::StatusCode::kUnimplemented},
      {CUDA_ERROR_NOT_INITIALIZED, absl::StatusCode::kFailedPrecondition},
      {CUDA_ERROR_DEINITIALIZED, absl::StatusCode::kFailedPrecondition},
      {CUDA_ERROR_INVALID_CONTEXT, absl::StatusCode::kFailedPrecondition},
      {CUDA_ERROR_NOT_PERMITTED, absl::StatusCode::kFailedPrecondition},
      {CUDA_ERROR_ILLEGAL_ADDRESS, absl::StatusCode::kFailedPrecondition},
      {CUDA_ERROR_LAUNCH_FAILED, absl::StatusCode::kFailedPrecondition},
      {CUDA_ERROR_UNKNOWN, absl::StatusCode::kInternal},
      {CUDA_ERROR_NOT_READY, absl::StatusCode::kInternal},
      {static_cast<CUresult>(12345), absl::StatusCode::kInternal},
  };
  for (const auto& c : kCases) {
    EXPECT_EQ(CudaStatus(c.result, "cuCall").code(), c.code) << c.result;
  }
}

TEST(CudaStatusTest, SaysWhichCallAnsweredWhat) {
  const absl::Status status = CudaStatus(CUDA_ERROR_OUT_OF_MEMORY, "cuCall");
  EXPECT_TRUE(absl::StrContains(status.message(), "cuCall"));
  EXPECT_TRUE(absl::StrContains(status.message(), "CUDA_ERROR_OUT_OF_MEMORY"));
  EXPECT_TRUE(absl::StrContains(status.message(), "(2)"));
}

TEST(CudaResultOfTest, ReadsBackEveryNumber) {
  for (int number = 1; number < 1100; ++number) {
    const CUresult result = static_cast<CUresult>(number);
    EXPECT_EQ(CudaResultOf(CudaStatus(result, "cuCall")), result);
  }
}

TEST(CudaResultOfTest, IsNothingForOtherStatuses) {
  EXPECT_EQ(CudaResultOf(absl::OkStatus()), std::nullopt);
  EXPECT_EQ(CudaResultOf(absl::InternalError("CUresult 2")), std::nullopt);
}

TEST(IsStickyErrorTest, KnowsWhatEndsAContext) {
  for (const int number :
       {214, 220, 700, 702, 710, 714, 715, 716, 717, 718, 719, 721}) {
    EXPECT_TRUE(IsStickyError(static_cast<CUresult>(number))) << number;
  }
  for (const int number : {0, 1, 2, 3, 201, 400, 600, 701, 720, 800, 801}) {
    EXPECT_FALSE(IsStickyError(static_cast<CUresult>(number))) << number;
  }
}

TEST(NameOfCudaResultTest, KnowsWhatCudaDefinesAndNothingElse) {
  int known = 0;
  for (int number = -1; number < 2000; ++number) {
    known += NameOfCudaResult(static_cast<CUresult>(number)).has_value();
  }
  EXPECT_EQ(known, 101);  // as cuda.h of CUDA 13.0
  EXPECT_STREQ(NameOfCudaResult(CUDA_SUCCESS)->name, "CUDA_SUCCESS");
  EXPECT_STREQ(NameOfCudaResult(CUDA_SUCCESS)->description, "no error");
  EXPECT_STREQ(NameOfCudaResult(CUDA_ERROR_UNKNOWN)->name,
               "CUDA_ERROR_UNKNOWN");
  EXPECT_EQ(NameOfCudaResult(static_cast<CUresult>(9)), std::nullopt);
}

}  // namespace
}  // namespace governor
