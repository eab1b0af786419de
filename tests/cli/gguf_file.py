"""Small GGUF files for tests of the command line."""

import struct

_UINT32, _STRING = 4, 8
_F32 = 0


def _string(text):
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def llama(layers=2, embedding=64, heads=4, kv_heads=2, context=2048):
    """The bytes of a whole GGUF file of a Llama with tiny F32 tensors."""
    metadata = [("general.architecture", _STRING, "llama")]
    for key, value in [
        ("block_count", layers),
        ("embedding_length", embedding),
        ("attention.head_count", heads),
        ("attention.head_count_kv", kv_heads),
        ("context_length", context),
        ("vocab_size", 32),
    ]:
        metadata.append(("llama." + key, _UINT32, value))
    head = embedding // heads
    tensors = [("token_embd.weight", (embedding, 32))]
    for i in range(layers):
        tensors += [
            (f"blk.{i}.attn_q.weight", (embedding, embedding)),
            (f"blk.{i}.attn_k.weight", (embedding, kv_heads * head)),
            (f"blk.{i}.attn_v.weight", (embedding, kv_heads * head)),
            (f"blk.{i}.attn_output.weight", (embedding, embedding)),
        ]
    header = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(metadata))
    for key, kind, value in metadata:
        header += _string(key) + struct.pack("<I", kind)
        header += _string(value) if kind == _STRING else struct.pack("<I", value)
    offset = 0
    for name, dimensions in tensors:
        header += _string(name) + struct.pack("<I", len(dimensions))
        header += struct.pack(f"<{len(dimensions)}Q", *dimensions)
        header += struct.pack("<IQ", _F32, offset)
        offset += 4 * dimensions[0] * dimensions[1]
    header += bytes(-len(header) % 32)
    return header + bytes(offset)
