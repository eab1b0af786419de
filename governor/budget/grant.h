#ifndef GOVERNOR_BUDGET_GRANT_H_
#define GOVERNOR_BUDGET_GRANT_H_

#include <utility>

#include "governor/base/bytes.h"
#include "governor/budget/tag.h"

namespace governor {

class Budget;

// Permission to hold bytes, until it is dropped. It is not the bytes: whoever
// holds it may then create as much physical memory. Only a Budget makes one,
// and the Budget outlives it. Move-only; an object is for one thread at a time.
//
// In a forked child a Grant is void: dropping it there changes nothing.
class Grant {
 public:
  // Holds nothing.
  Grant() = default;
  Grant(Grant&& other) noexcept { *this = std::move(other); }
  Grant& operator=(Grant&& other) noexcept {
    if (this != &other) {
      Release();
      budget_ = std::exchange(other.budget_, nullptr);
      size_ = std::exchange(other.size_, Bytes());
      tag_ = std::exchange(other.tag_, Tag());
      settled_ = std::exchange(other.settled_, false);
    }
    return *this;
  }
  ~Grant() { Release(); }

  Bytes size() const { return size_; }
  Tag tag() const { return tag_; }

  // Says that the memory that this was granted for exists now, all of it: from
  // here on the machine's own figures show it, and it is no longer counted as
  // in flight. Whoever creates memory under a grant says so; a lease, for bytes
  // that somebody else allocates, is in flight until its holder does. Saying it
  // twice does nothing more.
  void Settle();
  bool is_settled() const { return settled_; }

  // Takes `size` off this grant into one of its own, as settled as this one.
  // `size` <= size().
  Grant Split(Bytes size);

  // Adds `other` to this one, which holds nothing, or bytes of the same budget
  // and tag that are just as settled. Needs no memory.
  void Merge(Grant other);

  // Shows the bytes under another name from now on.
  void Retag(Tag tag);

  // Gives the bytes back; holds nothing afterwards.
  void Release() {
    if (budget_ != nullptr) ReturnToBudget();
  }

  // Leaves the bytes charged for as long as the budget lives: for memory that
  // the driver would not release. Holds nothing afterwards.
  void Forfeit() {
    budget_ = nullptr;
    size_ = Bytes();
  }

 private:
  friend class Budget;
  Grant(Budget* budget, Bytes size, Tag tag, bool settled)
      : budget_(budget), size_(size), tag_(tag), settled_(settled) {}

  void ReturnToBudget();

  Budget* budget_ = nullptr;
  Bytes size_;
  Tag tag_;
  bool settled_ = false;
};

}  // namespace governor

#endif  // GOVERNOR_BUDGET_GRANT_H_
