"""A tiny model of random weights, in the file format of llama.cpp.

Source: the description of GGUF, version 3, in ggml's repository (docs/gguf.md).
"""

import random
import re
import struct
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_WIDTH: Final = 32
_HEADS: Final = 2
_CONTEXT: Final = 4096
_ALIGNMENT: Final = 32
_UINT32, _INT32, _FLOAT32, _STRING, _ARRAY = 4, 5, 6, 8, 9
_NORMAL, _UNKNOWN, _CONTROL, _BYTE = 1, 2, 3, 6

_SENTENCE: Final = (
    "the cold wind came over northern hills and a small boat left its harbour before dawn while "
    "people on shore waved until it was gone into grey morning light"
)
_WORDS: Final = tuple(re.findall(r"\w+", _SENTENCE))
_SPECIAL: Final = ("<unk>", "<s>", "</s>")
_BYTES: Final = tuple(f"<0x{number:02X}>" for number in range(256))
_TOKENS: Final = (*_SPECIAL, *_BYTES, *(f"▁{word}" for word in _WORDS))
_TEMPLATE: Final = (
    "{% for message in messages %}{{ message.role }}: {{ message.content }}\n{% endfor %}assistant:"
)

_Value = int | float | str | list[int] | list[float] | list[str]


def write_model(path: Path, seed: int = 0) -> None:
    """Write a model of the architecture of Llama, whose answers are words that make no sense."""
    tensors = list(_tensors(random.Random(seed)))
    fields = list(_fields())
    with path.open("wb") as file:
        file.write(struct.pack("<4sIQQ", b"GGUF", 3, len(tensors), len(fields)))
        for name, kind, value in fields:
            file.write(_text(name) + struct.pack("<I", kind) + _encoded(kind, value))
        offset = 0
        for name, shape, weights in tensors:
            dimensions = struct.pack(f"<I{len(shape)}Q", len(shape), *shape)
            file.write(_text(name) + dimensions + struct.pack("<IQ", 0, offset))
            offset += _padded(len(weights))
        file.write(bytes(-file.tell() % _ALIGNMENT))
        for _, _, weights in tensors:
            file.write(weights.ljust(_padded(len(weights)), b"\0"))


def _fields() -> Iterator[tuple[str, int, _Value]]:
    kinds = [_UNKNOWN, _CONTROL, _CONTROL] + [_BYTE] * len(_BYTES)
    kinds += [_NORMAL] * (len(_TOKENS) - len(kinds))
    yield "general.architecture", _STRING, "llama"
    yield "llama.context_length", _UINT32, _CONTEXT
    yield "llama.embedding_length", _UINT32, _WIDTH
    yield "llama.block_count", _UINT32, 1
    yield "llama.feed_forward_length", _UINT32, _WIDTH
    yield "llama.attention.head_count", _UINT32, _HEADS
    yield "llama.attention.layer_norm_rms_epsilon", _FLOAT32, 1e-5
    yield "tokenizer.ggml.model", _STRING, "llama"
    yield "tokenizer.ggml.tokens", _ARRAY, list(_TOKENS)
    yield "tokenizer.ggml.scores", _ARRAY, [-float(number) for number in range(len(_TOKENS))]
    yield "tokenizer.ggml.token_type", _ARRAY, kinds
    yield "tokenizer.ggml.bos_token_id", _UINT32, _SPECIAL.index("<s>")
    yield "tokenizer.ggml.eos_token_id", _UINT32, _SPECIAL.index("</s>")
    yield "tokenizer.ggml.unknown_token_id", _UINT32, _SPECIAL.index("<unk>")
    yield "tokenizer.chat_template", _STRING, _TEMPLATE


def _tensors(drawn: random.Random) -> Iterator[tuple[str, tuple[int, ...], bytes]]:
    """Yield each tensor: its name, its shape with the width of a row first, and its weights."""
    count = len(_TOKENS)

    def weights(number: int) -> bytes:
        return array("f", (drawn.gauss(0, 0.5) for _ in range(number))).tobytes()

    ones = array("f", [1.0] * _WIDTH).tobytes()
    silent = count - len(_WORDS)  # only words are answered
    yield "token_embd.weight", (_WIDTH, count), weights(_WIDTH * count)
    yield "output_norm.weight", (_WIDTH,), ones
    words = weights(_WIDTH * len(_WORDS))
    yield "output.weight", (_WIDTH, count), bytes(4 * _WIDTH * silent) + words
    for name in ("attn_norm", "ffn_norm"):
        yield f"blk.0.{name}.weight", (_WIDTH,), ones
    for name in ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"):
        yield f"blk.0.{name}.weight", (_WIDTH, _WIDTH), weights(_WIDTH * _WIDTH)


def _encoded(kind: int, value: _Value) -> bytes:
    if isinstance(value, list):
        of = {str: _STRING, float: _FLOAT32, int: _INT32}[type(value[0])]
        return struct.pack("<IQ", of, len(value)) + b"".join(_encoded(of, each) for each in value)
    if isinstance(value, str):
        return _text(value)
    return struct.pack({_UINT32: "<I", _INT32: "<i", _FLOAT32: "<f"}[kind], value)


def _text(value: str) -> bytes:
    return struct.pack("<Q", len(value.encode())) + value.encode()


def _padded(size: int) -> int:
    return size + -size % _ALIGNMENT
