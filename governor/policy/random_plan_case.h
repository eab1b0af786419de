#ifndef GOVERNOR_POLICY_RANDOM_PLAN_CASE_H_
#define GOVERNOR_POLICY_RANDOM_PLAN_CASE_H_

#include <cstdint>
#include <random>

#include "governor/model/model_shape.h"
#include "governor/policy/plan.h"

namespace governor {

// A model and a request for it, made of a seed: the same seed gives the same
// ones for ever.
struct RandomPlanCase {
  ModelShape model;
  PlanRequest request;
};

// Numbers between bounds, as often small as large.
class Dice {
 public:
  explicit Dice(uint64_t seed) : engine_(seed) {}

  // From `low` to `high`, both included.
  uint64_t Log(uint64_t low, uint64_t high);
  bool Flip() { return engine_() % 2 == 0; }

 private:
  std::mt19937_64 engine_;
};

// Models of every kind of geometry: grouped-query attention alone, with windows
// and with chunks, latents, and attention beside linear states; layouts of vLLM
// and of llama.cpp; up to 4 ranks and 3 stages. `scale` bounds sizes; small
// ones can be checked by counting.
RandomPlanCase MakeRandomPlanCase(uint64_t seed, uint64_t scale);

}  // namespace governor

#endif  // GOVERNOR_POLICY_RANDOM_PLAN_CASE_H_
