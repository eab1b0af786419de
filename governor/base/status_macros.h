#ifndef GOVERNOR_BASE_STATUS_MACROS_H_
#define GOVERNOR_BASE_STATUS_MACROS_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

// Returns from the enclosing function when `expression` is not OK.
#define GOVERNOR_RETURN_IF_ERROR(expression)          \
  do {                                                \
    if (absl::Status governor_status_ = (expression); \
        !governor_status_.ok()) {                     \
      return governor_status_;                        \
    }                                                 \
  } while (false)

// Assigns the value of a StatusOr to `left`, which may declare a variable, or
// returns its status from the enclosing function.
#define GOVERNOR_ASSIGN_OR_RETURN(left, expression)                          \
  GOVERNOR_ASSIGN_OR_RETURN_(GOVERNOR_CONCAT_(governor_statusor_, __LINE__), \
                             left, expression)

#define GOVERNOR_ASSIGN_OR_RETURN_(statusor, left, expression) \
  auto statusor = (expression);                                \
  if (!statusor.ok()) return std::move(statusor).status();     \
  left = *std::move(statusor)

#define GOVERNOR_CONCAT_(a, b) GOVERNOR_CONCAT_INNER_(a, b)
#define GOVERNOR_CONCAT_INNER_(a, b) a##b

#endif  // GOVERNOR_BASE_STATUS_MACROS_H_
