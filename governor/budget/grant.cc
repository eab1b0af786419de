#include "governor/budget/grant.h"

#include "governor/budget/budget.h"

namespace governor {

Grant Grant::Split(Bytes size) {
  if (size.is_zero() || size > size_) return Grant();
  size_ -= size;
  Budget* budget = budget_;
  if (size_.is_zero()) budget_ = nullptr;
  return Grant(budget, size, tag_, settled_);
}

void Grant::Merge(Grant other) {
  if (budget_ == nullptr) {
    *this = std::move(other);
    return;
  }
  size_ += other.size_;
  other.Forfeit();
}

void Grant::Settle() {
  if (budget_ == nullptr || settled_) return;
  settled_ = true;
  budget_->Settle(size_);
}

void Grant::Retag(Tag tag) {
  if (budget_ == nullptr || tag == tag_) return;
  budget_->Move(size_, tag_, tag);
  tag_ = tag;
}

void Grant::ReturnToBudget() {
  Budget* budget = std::exchange(budget_, nullptr);
  budget->Return(std::exchange(size_, Bytes()), tag_,
                 std::exchange(settled_, false));
}

}  // namespace governor
