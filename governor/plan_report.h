#ifndef GOVERNOR_PLAN_REPORT_H_
#define GOVERNOR_PLAN_REPORT_H_

// A plan as people and programs read it: both forms.
#include "governor/plan_json.h"
#include "governor/plan_text.h"

#endif  // GOVERNOR_PLAN_REPORT_H_
