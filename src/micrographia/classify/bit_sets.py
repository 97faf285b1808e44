"""Sets of 64 pixels as the bits of one number: what a tree node asks of 64 pixels is answered by one operation."""

from __future__ import annotations

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

_LANES = 8
_DE_BRUIJN = np.uint64(0x03F79D71B4CB0A89)
_POSITION = np.zeros(64, np.uint8)
for _bit in range(64):
    _POSITION[((1 << _bit) * int(_DE_BRUIJN) % 2**64) >> 58] = _bit


@numba.njit(cache=True, nogil=True)
def lowest(bits):
    """Position of the lowest bit that is set, by a de Bruijn sequence; 0 for no bits."""
    one = bits & (~bits + np.uint64(1))
    return np.int64(_POSITION[(one * _DE_BRUIJN) >> np.uint64(58)])


@intrinsic
def above(typing, values, start, threshold):
    """Bit i is set where ``values[start + i] <= threshold`` is not true, for i from 0 to 63 (compiled code only)."""
    signature = types.uint64(values, types.uint64, types.float32)

    def generate(context, builder, signature, arguments):
        # Plain LLVM: eight lanes are compared at once, and one instruction (movmskps) turns the answers into bits.
        pointer = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        lanes, integer, word = ir.VectorType(ir.FloatType(), _LANES), ir.IntType(32), ir.IntType(64)
        nothing = ir.Constant(lanes, ir.Undefined)
        same = ir.Constant(ir.VectorType(integer, _LANES), [0] * _LANES)
        border = builder.insert_element(nothing, arguments[2], ir.Constant(integer, 0))
        border = builder.shuffle_vector(border, nothing, same)
        bits = ir.Constant(word, 0)
        for part in range(0, 64, _LANES):
            place = builder.gep(pointer, [builder.add(arguments[1], ir.Constant(word, part))])
            eight = builder.load(builder.bitcast(place, lanes.as_pointer()))
            eight.align = 4
            larger = builder.bitcast(builder.fcmp_unordered(">", eight, border), ir.IntType(_LANES))
            bits = builder.or_(bits, builder.shl(builder.zext(larger, word), ir.Constant(word, part)))
        return bits

    return signature, generate


@numba.njit(cache=True, nogil=True)
def above_all(values, threshold):
    """`above` for all values, whose number is a multiple of 64: one uint64 for each 64 of them."""
    out = np.empty(len(values) // 64, np.uint64)
    for w in range(len(out)):
        out[w] = above(values, np.uint64(64 * w), threshold)  # type: ignore[call-arg]
    return out


def above_all_numpy(values: np.ndarray, threshold: np.float32) -> np.ndarray:
    """Plain reference of `above_all`."""
    bits = ~(values <= threshold).reshape(-1, 64)
    return (bits.astype(np.uint64) << np.arange(64, dtype=np.uint64)).sum(1, dtype=np.uint64)
