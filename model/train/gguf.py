"""Writes a model as GGUF version 3: what llama.cpp's architecture `llama` needs, and what the hub asks for under `sentinel.*`."""
import struct

import numpy as np

U32, I32, F32, BOOL, TEXT, ARRAY = 4, 5, 6, 7, 8, 9
STORED = {"f32": 0, "f16": 1, "q8_0": 8}
FILE_TYPE = {"f32": 0, "f16": 1, "q8_0": 7}
ALIGN = 32
# hub/reason/slot-model.ts reads it: the format of prompts and answers.
SLOT_FORMAT = 2


def text(value):
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def scalar(kind, value):
    if kind == TEXT:
        return text(value)
    return struct.pack({U32: "<I", I32: "<i", F32: "<f", BOOL: "<?"}[kind], value)


def key(name, kind, value):
    if isinstance(value, (list, tuple)):
        return text(name) + struct.pack("<IIQ", ARRAY, kind, len(value)) + b"".join(scalar(kind, one) for one in value)
    return text(name) + struct.pack("<I", kind) + scalar(kind, value)


def stored(numbers, kind):
    if kind == "f32":
        return numbers.astype(np.float32).tobytes()
    if kind == "f16":
        return numbers.astype(np.float16).tobytes()
    # q8_0: blocks of 32 numbers, each a half-precision scale and 32 signed bytes.
    blocks = numbers.astype(np.float32).reshape(-1, 32)
    scale = np.abs(blocks).max(1) / 127.0
    inverse = np.where(scale > 0, 1 / np.where(scale > 0, scale, 1), 0)
    out = np.empty((blocks.shape[0], 34), np.uint8)
    out[:, :2] = scale.astype(np.float16)[:, None].view(np.uint8)
    out[:, 2:] = np.rint(blocks * inverse[:, None]).astype(np.int8).view(np.uint8)
    return out.tobytes()


def keys_of(shape, tokenizer, classes, kind):
    tokens = tokenizer.tokens
    return [
        ("general.architecture", TEXT, "llama"),
        ("general.name", TEXT, "sentinel"),
        ("general.file_type", U32, FILE_TYPE[kind]),
        ("llama.context_length", U32, shape["context"]),
        ("llama.embedding_length", U32, shape["width"]),
        ("llama.block_count", U32, shape["layers"]),
        ("llama.feed_forward_length", U32, shape["forward"]),
        ("llama.attention.head_count", U32, shape["heads"]),
        ("llama.attention.head_count_kv", U32, shape["heads"]),
        ("llama.attention.layer_norm_rms_epsilon", F32, 1e-5),
        ("llama.rope.dimension_count", U32, shape["width"] // shape["heads"]),
        ("llama.rope.freq_base", F32, 10000.0),
        ("llama.vocab_size", U32, len(tokens)),
        ("tokenizer.ggml.model", TEXT, "gpt2"),
        ("tokenizer.ggml.pre", TEXT, "smollm"),
        ("tokenizer.ggml.tokens", TEXT, tokens),
        ("tokenizer.ggml.token_type", I32, [3, 3] + [1] * (len(tokens) - 2)),
        ("tokenizer.ggml.merges", TEXT, [" ".join(merge) for merge in tokenizer.merges]),
        ("tokenizer.ggml.bos_token_id", U32, 0),
        ("tokenizer.ggml.eos_token_id", U32, 1),
        ("tokenizer.ggml.add_bos_token", BOOL, True),
        ("tokenizer.ggml.add_space_prefix", BOOL, False),
        ("sentinel.format", U32, SLOT_FORMAT),
        ("sentinel.classes", TEXT, classes),
    ]


def write(path, keys, tensors):
    """tensors: (name, array with rows first, f32|f16|q8_0)."""
    table, data, offset = [], [], 0
    for name, numbers, kind in tensors:
        blob = stored(numbers, kind)
        blob += b"\0" * (-len(blob) % ALIGN)
        dims = b"".join(struct.pack("<Q", size) for size in reversed(numbers.shape))
        table.append(text(name) + struct.pack("<I", numbers.ndim) + dims + struct.pack("<IQ", STORED[kind], offset))
        data.append(blob)
        offset += len(blob)
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(keys)) + b"".join(key(*one) for one in keys) + b"".join(table)
    with open(path, "wb") as out:
        out.write(head + b"\0" * (-len(head) % ALIGN))
        for blob in data:
            out.write(blob)
