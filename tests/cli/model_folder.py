"""Small model folders and adapters, as Hugging Face has them, for tests."""

import json
import os
import struct


def safetensors(tensors):
    """The bytes of a whole file; `tensors` is {name: shape}, all bf16 zeros."""
    header, offset = {}, 0
    for name, shape in tensors.items():
        size = 2
        for dimension in shape:
            size *= dimension
        header[name] = {"dtype": "BF16", "shape": list(shape),
                        "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + bytes(offset)


def llama(path, layers=2, hidden=64, heads=4, kv_heads=2, vocabulary=32,
          architecture="LlamaForCausalLM", weights=True):
    """Makes the folder `path`; returns the bytes of its tensors."""
    os.makedirs(path, exist_ok=True)
    config = {
        "architectures": [architecture],
        "model_type": architecture.removesuffix("ForCausalLM").lower(),
        "hidden_size": hidden,
        "intermediate_size": 2 * hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": kv_heads,
        "max_position_embeddings": 2048,
        "vocab_size": vocabulary,
        "torch_dtype": "bfloat16",
        "tie_word_embeddings": True,
    }
    with open(os.path.join(path, "config.json"), "w") as file:
        json.dump(config, file)
    if not weights:
        return 0
    kv = kv_heads * hidden // heads
    tensors = {"model.embed_tokens.weight": (vocabulary, hidden),
               "model.norm.weight": (hidden,)}
    for i in range(layers):
        for name, shape in [
            ("input_layernorm", (hidden,)),
            ("post_attention_layernorm", (hidden,)),
            ("self_attn.q_proj", (hidden, hidden)),
            ("self_attn.k_proj", (kv, hidden)),
            ("self_attn.v_proj", (kv, hidden)),
            ("self_attn.o_proj", (hidden, hidden)),
            ("mlp.gate_proj", (2 * hidden, hidden)),
            ("mlp.up_proj", (2 * hidden, hidden)),
            ("mlp.down_proj", (hidden, 2 * hidden)),
        ]:
            tensors[f"model.layers.{i}.{name}.weight"] = shape
    with open(os.path.join(path, "model.safetensors"), "wb") as file:
        file.write(safetensors(tensors))
    elements = 0
    for shape in tensors.values():
        product = 1
        for dimension in shape:
            product *= dimension
        elements += product
    return 2 * elements
