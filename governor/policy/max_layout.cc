#include "governor/policy/max_layout.h"

#include "governor/base/status_macros.h"
#include "governor/policy/vllm_layout.h"

namespace governor {

absl::StatusOr<KvLayout> MaxLayout(const ModelShape& model,
                                   const KvLayoutRequest& request) {
  KvLayoutRequest with_block = request;
  with_block.block_tokens = request.block_tokens.value_or(kMaxBlockTokens);
  GOVERNOR_ASSIGN_OR_RETURN(KvLayout layout, VllmLayout(model, with_block));
  layout.notes.push_back("MAX's cache is planned with vLLM's layout.");
  return layout;
}

}  // namespace governor
