#include "governor/driver/host_driver/fault_plan.h"

namespace governor {
namespace {

bool SurvivesStickyError(DriverCall call) {
  return call == DriverCall::kGetErrorName ||
         call == DriverCall::kGetErrorString ||
         call == DriverCall::kDriverGetVersion;
}

}  // namespace

void FaultPlan::FailNth(DriverCall call, uint64_t n, CUresult result) {
  Add({.call = call, .first = n, .once = true, .result = result});
}

void FaultPlan::FailFrom(DriverCall call, uint64_t n, CUresult result) {
  Add({.call = call, .first = n, .once = false, .result = result});
}

void FaultPlan::FailNthCall(uint64_t n, CUresult result) {
  Add({.call = std::nullopt, .first = n, .once = true, .result = result});
}

void FaultPlan::FailCallsFrom(uint64_t n, CUresult result) {
  Add({.call = std::nullopt, .first = n, .once = false, .result = result});
}

void FaultPlan::Add(Rule rule) {
  if (rule.first == 0) return;
  MutexLock lock(mutex_);
  rules_.push_back(rule);
  armed_.store(true, std::memory_order_release);
}

void FaultPlan::Stick(CUresult result) {
  MutexLock lock(mutex_);
  sticky_ = result;
  armed_.store(true, std::memory_order_release);
}

void FaultPlan::SetFree(Bytes free) {
  MutexLock lock(mutex_);
  free_ = free;
}

void FaultPlan::ServeFree(std::vector<Bytes> figures) {
  MutexLock lock(mutex_);
  free_figures_.assign(figures.begin(), figures.end());
}

void FaultPlan::Clear() {
  MutexLock lock(mutex_);
  rules_.clear();
  sticky_.reset();
  free_.reset();
  free_figures_.clear();
  armed_.store(false, std::memory_order_release);
}

std::optional<CUresult> FaultPlan::OnCall(DriverCall call) {
  if (!armed_.load(std::memory_order_acquire)) return std::nullopt;
  MutexLock lock(mutex_);
  std::optional<CUresult> answer;
  // Every rule counts every call that it is about, whoever answers.
  for (Rule& rule : rules_) {
    if (rule.call && *rule.call != call) continue;
    ++rule.seen;
    const bool meets =
        rule.once ? rule.seen == rule.first : rule.seen >= rule.first;
    if (meets && !answer) answer = rule.result;
  }
  if (sticky_ && !SurvivesStickyError(call)) answer = sticky_;
  return answer;
}

std::optional<Bytes> FaultPlan::NextFree() {
  MutexLock lock(mutex_);
  if (free_figures_.empty()) return free_;
  const Bytes figure = free_figures_.front();
  free_figures_.pop_front();
  return figure;
}

}  // namespace governor
