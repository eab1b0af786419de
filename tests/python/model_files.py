"""Small models for tests of plans: a GGUF file, and a Hugging Face folder. Their tensors
are holes."""

import json
import struct

U32, STRING, F32 = 4, 8, 0
HEADS, KV_HEADS, HEAD, EMBEDDING, VOCABULARY, CONTEXT = 4, 2, 32, 128, 10, 256


def kv_bytes_per_token(layers, element_bytes=2):
    return layers * KV_HEADS * HEAD * 2 * element_bytes


def gguf(architecture="llama", layers=3, name=None):
    """A small Llama, as a GGUF file."""

    def string(text):
        data = text if isinstance(text, bytes) else text.encode()
        return struct.pack("<Q", len(data)) + data

    fields = dict(
        block_count=layers,
        context_length=CONTEXT,
        embedding_length=EMBEDDING,
        **{"attention.head_count": HEADS, "attention.head_count_kv": KV_HEADS},
    )
    texts = {"general.architecture": architecture}
    if name is not None:
        texts["general.name"] = name
    metadata = [
        string(key) + struct.pack("<I", STRING) + string(text)
        for key, text in texts.items()
    ] + [
        string(f"{architecture}.{key}") + struct.pack("<II", U32, value)
        for key, value in fields.items()
    ]
    tensors, offset = [], 0
    shapes = {"token_embd.weight": (EMBEDDING, VOCABULARY)}
    for i in range(layers):
        shapes[f"blk.{i}.attn_k.weight"] = (EMBEDDING, KV_HEADS * HEAD)
    for tensor, (columns, rows) in shapes.items():
        tensors.append(
            string(tensor) + struct.pack("<IQQIQ", 2, columns, rows, F32, offset)
        )
        offset += columns * rows * 4
    header = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(metadata))
    header += b"".join(metadata + tensors)
    return header + bytes(-len(header) % 32) + bytes(offset)


def gguf_parameters(layers=3):
    return EMBEDDING * (VOCABULARY + layers * KV_HEADS * HEAD)


def write_safetensors(path, shapes):
    """BF16 tensors; returns their bytes."""
    header, end = {}, 0
    for name, shape in shapes.items():
        begin, size = end, 2
        for dimension in shape:
            size *= dimension
        end = begin + size
        header[name] = dict(dtype="BF16", shape=list(shape), data_offsets=[begin, end])
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + end)
    return end


def write_folder(folder, layers=3, **changes):
    """A small Llama, as Hugging Face has it; returns the bytes of its weights."""
    folder.mkdir(exist_ok=True)
    config = dict(
        architectures=["LlamaForCausalLM"],
        model_type="llama",
        hidden_size=EMBEDDING,
        intermediate_size=2 * EMBEDDING,
        num_hidden_layers=layers,
        num_attention_heads=HEADS,
        num_key_value_heads=KV_HEADS,
        max_position_embeddings=CONTEXT,
        vocab_size=VOCABULARY,
        tie_word_embeddings=True,
        torch_dtype="bfloat16",
    )
    config.update(changes)
    (folder / "config.json").write_text(json.dumps(config))
    shapes = {
        "model.embed_tokens.weight": (VOCABULARY, EMBEDDING),
        "model.norm.weight": (EMBEDDING,),
    }
    for i in range(layers):
        layer = f"model.layers.{i}."
        shapes[layer + "input_layernorm.weight"] = (EMBEDDING,)
        shapes[layer + "post_attention_layernorm.weight"] = (EMBEDDING,)
        for part, rows in (("q", HEADS), ("k", KV_HEADS), ("v", KV_HEADS)):
            shapes[layer + f"self_attn.{part}_proj.weight"] = (rows * HEAD, EMBEDDING)
        shapes[layer + "self_attn.o_proj.weight"] = (EMBEDDING, HEADS * HEAD)
        shapes[layer + "mlp.gate_proj.weight"] = (2 * EMBEDDING, EMBEDDING)
        shapes[layer + "mlp.up_proj.weight"] = (2 * EMBEDDING, EMBEDDING)
        shapes[layer + "mlp.down_proj.weight"] = (EMBEDDING, 2 * EMBEDDING)
    return write_safetensors(folder / "model.safetensors", shapes)
