"""Checkpoints of any size that take no room: real headers over sparse files.

A folder as engines load it: config.json, an index, and shards whose tensors have
their true sizes and read as zeros.
"""

import json
import os

# Stored bytes for one parameter, and how a tensor of n parameters is stored:
# [(suffix of the name, dtype, elements of that tensor for n parameters)].
FORMATS = {
    "bf16": [("weight", "BF16", lambda n: n)],
    "fp8": [("weight", "F8_E4M3", lambda n: n)],
    # Two values a byte, and a scale of one byte for 16 of them: 4.5 bits.
    "nvfp4": [("weight", "U8", lambda n: n // 2),
              ("weight_scale", "F8_E4M3", lambda n: n // 16)],
    # The same with a scale for 32: 4.25 bits.
    "mxfp4": [("weight", "U8", lambda n: n // 2),
              ("weight_scale", "U8", lambda n: n // 32)],
}

DTYPE_BYTES = {"BF16": 2, "F8_E4M3": 1, "U8": 1, "F32": 4}


def write_shard(path, tensors):
    """Writes {name: (dtype, shape)}; returns the bytes of all tensors."""
    header, offset = {}, 0
    for name, (dtype, shape) in tensors.items():
        size = DTYPE_BYTES[dtype]
        for dimension in shape:
            size *= dimension
        header[name] = {"dtype": dtype, "shape": list(shape),
                        "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.truncate(8 + len(text) + offset)
    return offset


def write_checkpoint(folder, config, tensors, shards=1):
    """Writes the folder; tensors go to the shards in turn. Returns their bytes."""
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "config.json"), "w") as file:
        json.dump(config, file)
    parts = [{} for _ in range(shards)]
    for i, (name, tensor) in enumerate(tensors.items()):
        parts[i * shards // len(tensors)][name] = tensor
    total, weight_map = 0, {}
    for i, part in enumerate(parts):
        shard = f"model-{i + 1:05d}-of-{shards:05d}.safetensors"
        total += write_shard(os.path.join(folder, shard), part)
        weight_map.update(dict.fromkeys(part, shard))
    index = {"metadata": {"total_size": total}, "weight_map": weight_map}
    with open(os.path.join(folder, "model.safetensors.index.json"), "w") as file:
        json.dump(index, file)
    return total


def decoder(parameters, active=None, stored_as="bf16", layers=80, heads=64,
            kv_heads=8, head_dim=128, context=131072):
    """(config, tensors) of a decoder of that many parameters, `active` of which a
    token uses: all, or those of 4 of 128 experts and what is not in experts.
    Nearly all are in the layers, evenly; embedding and head are one row each."""
    hidden = heads * head_dim
    config = {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama",
        "num_hidden_layers": layers, "hidden_size": hidden,
        "num_attention_heads": heads, "num_key_value_heads": kv_heads,
        "head_dim": head_dim, "max_position_embeddings": context,
        "vocab_size": 1, "torch_dtype": "bfloat16",
    }
    in_experts = 0
    if active is not None:
        config.update(architectures=["Qwen3MoeForCausalLM"],
                      model_type="qwen3_moe", num_experts=128,
                      num_experts_per_tok=4, moe_intermediate_size=768,
                      decoder_sparse_step=1, mlp_only_layers=[])
        # active = rest + experts * 4 / 128, parameters = rest + experts
        in_experts = (parameters - active) * 128 // 124
    tensors = {"model.embed_tokens.weight": ("BF16", (1, hidden)),
               "lm_head.weight": ("BF16", (1, hidden))}

    def add(name, count):
        count -= count % 32
        for suffix, dtype, elements in FORMATS[stored_as]:
            tensors[f"{name}.{suffix}"] = (dtype, (1, elements(count)))

    for i in range(layers):
        layer = f"model.layers.{i}"
        add(f"{layer}.mlp.down_proj", (parameters - in_experts) // layers)
        if active is not None:
            add(f"{layer}.mlp.experts.0.down_proj", in_experts // layers)
    return config, tensors


def llama(layers, hidden, intermediate, heads, kv_heads, vocabulary, context,
          stored_as="bf16"):
    """(config, tensors) of a Llama with all its tensors under their real names;
    linear layers as `stored_as`, the rest in bf16."""
    head_dim = hidden // heads
    config = {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama",
        "num_hidden_layers": layers, "hidden_size": hidden,
        "intermediate_size": intermediate, "num_attention_heads": heads,
        "num_key_value_heads": kv_heads, "max_position_embeddings": context,
        "vocab_size": vocabulary, "tie_word_embeddings": False,
        "torch_dtype": "bfloat16",
    }
    linear = {
        "self_attn.q_proj": (hidden, hidden),
        "self_attn.k_proj": (kv_heads * head_dim, hidden),
        "self_attn.v_proj": (kv_heads * head_dim, hidden),
        "self_attn.o_proj": (hidden, hidden),
        "mlp.gate_proj": (intermediate, hidden),
        "mlp.up_proj": (intermediate, hidden),
        "mlp.down_proj": (hidden, intermediate),
    }
    tensors = {"model.embed_tokens.weight": ("BF16", (vocabulary, hidden))}
    for i in range(layers):
        for name, (rows, columns) in linear.items():
            for suffix, dtype, elements in FORMATS[stored_as]:
                tensors[f"model.layers.{i}.{name}.{suffix}"] = (
                    dtype, (rows, elements(columns)))
        for norm in ("input_layernorm", "post_attention_layernorm"):
            tensors[f"model.layers.{i}.{norm}.weight"] = ("BF16", (hidden,))
    tensors["model.norm.weight"] = ("BF16", (hidden,))
    tensors["lm_head.weight"] = ("BF16", (vocabulary, hidden))
    return config, tensors


def llama_8b(stored_as="bf16"):
    """Llama 3.1 8B: 8,030,261,248 parameters."""
    return llama(32, 4096, 14336, 32, 8, 128256, 131072, stored_as)


def llama_70b(stored_as="bf16"):
    """Llama 3.1 70B: 70,553,706,496 parameters."""
    return llama(80, 8192, 28672, 64, 8, 128256, 131072, stored_as)
