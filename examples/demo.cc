// The main job on a real model, from file to refusal: plans a model's KV cache,
// holds its weights and the cache under a budget, is refused one block more,
// gives half back, and checks every step against the driver's own count.

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "governor/base/status_macros.h"
#include "governor/driver/cuda_status.h"
#include "governor/driver/current_context.h"
#include "governor/governor.h"
#include "governor/model/gguf.h"
#include "governor/model/read_model.h"
#include "governor/plan_report.h"
#include "governor/policy/kv_planner.h"
#include "governor/policy/plan_advice.h"
#include "governor/snapshot_report.h"

namespace governor {
namespace {

constexpr Bytes kBudget = GiB(2);

absl::Status Failed(absl::string_view what) {
  return absl::InternalError(absl::StrCat("the demo's check failed: ", what));
}

#define CHECK_THAT(condition) \
  if (!(condition)) return Failed(#condition)

class Demo {
 public:
  absl::Status Run(const std::string& path) {
    GOVERNOR_RETURN_IF_ERROR(OpenGovernor());
    GOVERNOR_RETURN_IF_ERROR(PrintPlan(path));
    GOVERNOR_RETURN_IF_ERROR(LoadWeights(path));
    GOVERNOR_RETURN_IF_ERROR(CommitKvCache());
    GOVERNOR_RETURN_IF_ERROR(AskForOneBlockMore());
    GOVERNOR_RETURN_IF_ERROR(GiveHalfBack());
    GOVERNOR_RETURN_IF_ERROR(CheckSnapshot());
    return CloseAll();
  }

 private:
  absl::Status OpenGovernor() {
    GovernorOptions options = {.budget = kBudget};
    // Where there is no GPU the demo goes on without, and says so.
    std::string why_host;
    GOVERNOR_ASSIGN_OR_RETURN(
        options, WithEnvironment(options, &ReadProcessEnvironment));
    GOVERNOR_ASSIGN_OR_RETURN(
        const OpenDriver driver,
        OpenOrHost(options.driver.value_or(DriverChoice::kAuto),
                   options.host_driver.value_or(""), &why_host));
    if (!why_host.empty()) {
      std::cerr << why_host << "; going on with the host driver\n";
    }
    options.driver = driver.host ? DriverChoice::kHost : DriverChoice::kCuda;
    GOVERNOR_ASSIGN_OR_RETURN(governor_, Governor::Create(options));
    block_size_ = std::max(MiB(2), governor_->device().granularity());
    if (!driver.host) {
      GOVERNOR_ASSIGN_OR_RETURN(const auto memory,
                                governor_->context().ReadMemory());
      free_at_start_ = memory.free;
    }
    std::cout << "1. open: " << governor_->device().name()
              << (driver.host ? " (host driver)" : "") << ", budget "
              << ToString(governor_->budget()) << ", of it "
              << ToString(governor_->allowance())
              << " set aside for unmanaged memory\n";
    return absl::OkStatus();
  }

  absl::Status PrintPlan(const std::string& path) {
    GOVERNOR_ASSIGN_OR_RETURN(model_, ReadModelShape(path));
    PlanRequest request;
    request.budget = governor_->budget();
    request.os_reserve = governor_->os_reserve();
    request.allowance = governor_->allowance();
    request.granularity = block_size_;
    GOVERNOR_ASSIGN_OR_RETURN(plan_, PlanKv(model_, request));
    std::cout << "\n2. plan\n"
              << ToText(plan_, AdviceOn(plan_, model_, request), model_,
                        request);
    CHECK_THAT(plan_.fits);
    return absl::OkStatus();
  }

  // Copies every tensor of the file into governed memory and reads it back.
  absl::Status LoadWeights(const std::string& path) {
    GOVERNOR_ASSIGN_OR_RETURN(const Gguf gguf, ReadGguf(path));
    GOVERNOR_ASSIGN_OR_RETURN(
        weights_, governor_->CreateRegion(
                      {.size = plan_.weights, .block_size = block_size_}));
    GOVERNOR_ASSIGN_OR_RETURN(const Tag tag, Tag::Named("weights"));
    GOVERNOR_RETURN_IF_ERROR(
        weights_->Commit(0, weights_->num_blocks(), {.tag = tag}));

    const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    CHECK_THAT(file >= 0);
    absl::Status status = CopyTensors(gguf, file);
    close(file);
    GOVERNOR_RETURN_IF_ERROR(status);
    std::cout << "\n3. weights: " << gguf.tensors.size() << " tensors, "
              << plan_.weights.count() << " bytes copied and read back equal\n";
    return ExpectCounted();
  }

  absl::Status CopyTensors(const Gguf& gguf, int file) {
    const DriverApi& api = governor_->device().api();
    GOVERNOR_ASSIGN_OR_RETURN(
        const CurrentContext current,
        CurrentContext::Enter(governor_->device(),
                              governor_->context().handle()));
    CUdeviceptr to = weights_->address();
    Bytes copied;
    for (const GgufTensor& tensor : gguf.tensors) {
      std::vector<char> bytes(tensor.size.count());
      CHECK_THAT(pread(file, bytes.data(), bytes.size(),
                       static_cast<off_t>(tensor.offset)) ==
                 static_cast<ssize_t>(bytes.size()));
      GOVERNOR_RETURN_IF_ERROR(CudaStatus(
          api.MemcpyHtoD(to, bytes.data(), bytes.size()), "cuMemcpyHtoD"));
      std::vector<char> back(bytes.size());
      GOVERNOR_RETURN_IF_ERROR(CudaStatus(
          api.MemcpyDtoH(back.data(), to, back.size()), "cuMemcpyDtoH"));
      CHECK_THAT(bytes == back);
      to += bytes.size();
      copied += tensor.size;
    }
    CHECK_THAT(copied == plan_.weights);
    return absl::OkStatus();
  }

  absl::Status CommitKvCache() {
    // One block more than the plan, to ask for it below.
    GOVERNOR_ASSIGN_OR_RETURN(
        kv_, governor_->CreateRegion({.size = plan_.gate().kv + block_size_,
                                      .block_size = block_size_}));
    GOVERNOR_ASSIGN_OR_RETURN(const Tag tag, Tag::Named("kv"));
    kv_blocks_ = kv_->num_blocks() - 1;
    GOVERNOR_RETURN_IF_ERROR(kv_->Commit(0, kv_blocks_, {.tag = tag}));
    std::cout << "4. KV cache: " << plan_.num_blocks << " blocks of "
              << plan_.layout.block_tokens << " tokens in "
              << ToString(kv_->resident()) << "\n";
    return ExpectCounted();
  }

  absl::Status AskForOneBlockMore() {
    GOVERNOR_ASSIGN_OR_RETURN(const Tag tag, Tag::Named("kv"));
    const absl::Status status = kv_->Commit(kv_blocks_, 1, {.tag = tag});
    const std::optional<Refusal> refusal = RefusalOf(status);
    CHECK_THAT(refusal.has_value());
    CHECK_THAT(refusal->limit == kBudget);
    CHECK_THAT(refusal->headroom < block_size_);
    std::cout << "5. one block more: " << status.message() << "\n";
    return ExpectCounted();
  }

  absl::Status GiveHalfBack() {
    const size_t half = kv_blocks_ / 2;
    const Bytes before = governor_->granted();
    GOVERNOR_RETURN_IF_ERROR(kv_->Decommit(kv_blocks_ - half, half));
    GOVERNOR_ASSIGN_OR_RETURN(const Snapshot snapshot,
                              governor_->TakeSnapshot());
    CHECK_THAT(before - governor_->granted() + snapshot.cached ==
               block_size_ * half);
    std::cout << "6. gave half back, " << ToString(block_size_ * half)
              << ": governed " << ToString(before) << " -> "
              << ToString(governor_->granted()) << ", of which "
              << ToString(snapshot.cached) << " are kept for reuse\n";
    return ExpectCounted();
  }

  absl::Status CheckSnapshot() {
    GOVERNOR_ASSIGN_OR_RETURN(const Snapshot snapshot,
                              governor_->TakeSnapshot());
    std::cout << "\n7. snapshot\n" << ToText(snapshot);
    CHECK_THAT(snapshot.governed + snapshot.unmanaged +
                   snapshot.other_processes + snapshot.os + snapshot.evictable +
                   snapshot.free ==
               snapshot.total);
    CHECK_THAT(snapshot.peak_granted + snapshot.allowance <= snapshot.budget);
    return absl::OkStatus();
  }

  absl::Status CloseAll() {
    GOVERNOR_RETURN_IF_ERROR(kv_->Close());
    GOVERNOR_RETURN_IF_ERROR(weights_->Close());
    if (const HostDriver* host = governor_->host_driver()) {
      const Bytes peak = host->physical_high_water();
      std::cout << "\n8. the driver's own count: never above " << ToString(peak)
                << "\n";
      CHECK_THAT(peak + governor_->allowance() <= kBudget);
    }
    GOVERNOR_RETURN_IF_ERROR(governor_->Close());
    CHECK_THAT(governor_->granted().is_zero());
    std::cout << "done: every step did what it should\n";
    return absl::OkStatus();
  }

  // What is granted is what the driver counts, and within the budget.
  absl::Status ExpectCounted() {
    Bytes counted;
    if (const HostDriver* host = governor_->host_driver()) {
      counted = host->physical_bytes();
      CHECK_THAT(counted == governor_->granted());
    } else {
      // A GPU's count has other things in it, by less than the allowance.
      GOVERNOR_ASSIGN_OR_RETURN(const auto memory,
                                governor_->context().ReadMemory());
      counted = SaturatingSubtract(free_at_start_, memory.free);
      CHECK_THAT(counted >= governor_->granted());
    }
    CHECK_THAT(counted <= kBudget);
    std::cout << "   the driver counts " << ToString(counted) << "\n";
    return absl::OkStatus();
  }

  std::unique_ptr<Governor> governor_;
  ModelShape model_;
  Plan plan_;
  std::unique_ptr<ElasticRegion> weights_;
  std::unique_ptr<ElasticRegion> kv_;
  size_t kv_blocks_ = 0;
  Bytes block_size_;
  Bytes free_at_start_;
};

}  // namespace
}  // namespace governor

int main(int argc, char** argv) {
  if (argc != 2 || argv[1][0] == '-') {
    std::cerr << "usage: demo MODEL.gguf\n";
    return 2;
  }
  absl::Status status = governor::Demo().Run(argv[1]);
  if (status.ok() && !std::cout.flush()) {
    status = absl::InternalError("cannot write to standard output");
  }
  if (status.ok()) return 0;
  std::cerr << status << "\n";
  return 1;
}
