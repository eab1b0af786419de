#include "governor/model/encoder_decoder_config.h"

#include "governor/model/config_text.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

ConfigText Whisper() {
  return ConfigText({{"model_type", "\"whisper\""},
                     {"d_model", "64"},
                     {"decoder_layers", "3"},
                     {"decoder_attention_heads", "4"},
                     {"encoder_layers", "2"},
                     {"max_source_positions", "1500"},
                     {"max_target_positions", "448"}});
}

TEST(EncoderDecoderConfigTest, EachDecoderLayerKeepsItsPastAndTheEncoders) {
  const auto shape = ShapeOf(Whisper());
  ASSERT_TRUE(shape.ok()) << shape.status();
  const AttentionHeads heads = {4, 4, 16, 16};
  EXPECT_EQ(shape->layers,
            std::vector<LayerShape>(3, {.kv = {FullAttention{heads},
                                               CrossAttention{heads, 1500}}}));
  EXPECT_EQ(shape->context_length, 448u);
  EXPECT_EQ(shape->embedding_length, 64u);
}

TEST(EncoderDecoderConfigTest, BartsEncoderHasAsManyPositionsAsItsDecoder) {
  const auto shape = ShapeOf(Whisper()
                                 .Set("model_type", "\"bart\"")
                                 .Remove("max_source_positions")
                                 .Set("max_position_embeddings", "1024"));
  ASSERT_TRUE(shape.ok()) << shape.status();
  EXPECT_EQ(std::get<CrossAttention>(shape->layers[0].kv[1]).source_tokens,
            1024u);
}

TEST(EncoderDecoderConfigTest, AnEncoderWithoutALengthIsRefused) {
  ExpectRefused(Whisper().Remove("max_source_positions"),
                {"max_source_positions is missing"});
  ExpectRefused(Whisper().Remove("decoder_layers"),
                {"decoder_layers is missing"});
}

}  // namespace
}  // namespace governor
