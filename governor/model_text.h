#ifndef GOVERNOR_MODEL_TEXT_H_
#define GOVERNOR_MODEL_TEXT_H_

#include <string>

#include "governor/model/model_shape.h"

namespace governor {

// A model in a few lines for people: name, size, what its layers remember
// (layers that are alike share a line), the dtypes of its weights. However many
// kinds of layers a file has, about 20 lines at most. `weights_given`: the
// weights in the files do not count.
std::string ToText(const ModelShape& model, bool weights_given);

// The name, or the architecture of a model without one; fit to print.
std::string NameOf(const ModelShape& model);

}  // namespace governor

#endif  // GOVERNOR_MODEL_TEXT_H_
