"""Writes nf4.json and nf4-linear.safetensors: what bitsandbytes makes of known weights.

    python test/golden/make-nf4.py        (bitsandbytes 0.50.2, torch on CPU, safetensors)

Weights are made from integers so that the test makes the very same ones (nf4.test.ts, `weightsOf`).
"""
import base64
import hashlib
import json
import os

import bitsandbytes.functional as F
import numpy as np
import torch
from safetensors.torch import save_file

HERE = os.path.dirname(os.path.abspath(__file__))


def weights_of(size: int) -> np.ndarray:
    """Exact in float32: 24 hashed bits over a power of two that differs from block to block."""
    i = np.arange(size, dtype=np.uint64)
    bits = ((i * 2654435761 + 12345) % (1 << 32)) >> 8
    uniform = (bits.astype(np.float64) - (1 << 23)) / (1 << 23)
    power = ((i // 64) * 7 % 5).astype(np.float64)
    return (uniform / 2.0**power * 0.0625).astype(np.float32)


def text(tensor: torch.Tensor) -> str:
    return base64.b64encode(tensor.contiguous().numpy().tobytes()).decode()


def digest(tensor: torch.Tensor) -> str:
    return hashlib.sha256(tensor.contiguous().numpy().tobytes()).hexdigest()


def case(name: str, weights: np.ndarray, shape: list[int]) -> dict:
    w = torch.from_numpy(weights.reshape(shape))
    packed, state = F.quantize_4bit(w, blocksize=64, compress_statistics=True, quant_type="nf4")
    plain, single = F.quantize_4bit(w, blocksize=64, compress_statistics=False, quant_type="nf4")
    assert torch.equal(packed, plain)
    return {
        "name": name,
        "shape": shape,
        "packed": text(packed),
        "plainAbsmax": text(single.absmax),
        "absmax": text(state.absmax),
        "nestedAbsmax": text(state.state2.absmax),
        "offset": state.offset.item(),
        "dequantizedSha256": digest(F.dequantize_4bit(packed, state)),
        "plainDequantizedSha256": digest(F.dequantize_4bit(plain, single)),
    }


code = F.get_4bit_type("nf4", device="cpu").numpy()
middles = ((code[:-1] + code[1:]) / 2).astype(np.float32)
# A block of largest value 1, so that a midpoint stays one: ties, and their neighbours on both sides.
ties = np.zeros(128, dtype=np.float32)
ties[0], ties[64] = 1, -1
ties[1:16] = middles
ties[65:80] = np.nextafter(middles, np.float32(2))
ties[80:95] = np.nextafter(middles, np.float32(-2))
outlier = weights_of(256)
outlier[70] = 3e30
zeros = weights_of(256)
zeros[64:192] = 0

cases = [
    case("several blocks", weights_of(8 * 64), [8, 64]),
    case("no multiple of 64", weights_of(6 * 50), [6, 50]),
    case("over 256 blocks, no multiple of 256 * 64", weights_of(130 * 132), [130, 132]),
    case("over 512 whole blocks", weights_of(520 * 64), [520, 64]),
    case("ties at midpoints", ties, [2, 64]),
    case("blocks of zeros", zeros, [4, 64]),
    case("all zeros", np.zeros(128, dtype=np.float32), [2, 64]),
    case("an outlier", outlier, [4, 64]),
]
with open(os.path.join(HERE, "nf4.json"), "w") as file:
    json.dump(
        {
            "codebook": text(F.get_4bit_type("nf4", device="cpu")),
            "dynamicMap": text(F.create_dynamic_map()),
            "cases": cases,
        },
        file,
        indent=1,
    )
    file.write("\n")

# One layer as `*-bnb-4bit` repositories keep it, from bfloat16 weights.
w = torch.from_numpy(weights_of(48 * 40).reshape(48, 40)).to(torch.bfloat16)
packed, state = F.quantize_4bit(w, blocksize=64, compress_statistics=True, quant_type="nf4")
stored = {"layer.weight": packed}
stored |= {f"layer.weight.{key}": x.contiguous() for key, x in state.as_dict(packed=True).items()}
stored["dequantized"] = F.dequantize_4bit(packed, state)
save_file(stored, os.path.join(HERE, "nf4-linear.safetensors"))
