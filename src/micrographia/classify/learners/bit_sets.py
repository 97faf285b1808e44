"""Sets of 64 pixels as the bits of one number: what a tree node asks of 64 pixels is answered by one operation."""

from __future__ import annotations

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

_REGISTER = 256
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
def above(typing, numbers, start, limit):
    """Bit i is set where ``numbers[start + i] > limit``, for i from 0 to 63 (compiled code only; unsigned numbers)."""
    signature = types.uint64(numbers, types.uint64, numbers.dtype)

    def generate(context, builder, signature, arguments):
        # Plain LLVM: 32 bytes are compared at once, and one instruction (vpmovmskb) turns the answers into bits.
        pointer = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        width = signature.args[0].dtype.bitwidth
        count = _REGISTER // width
        lanes, integer, word = ir.VectorType(ir.IntType(width), count), ir.IntType(32), ir.IntType(64)
        nothing = ir.Constant(lanes, ir.Undefined)
        same = ir.Constant(ir.VectorType(integer, count), [0] * count)
        limits = builder.insert_element(nothing, arguments[2], ir.Constant(integer, 0))
        limits = builder.shuffle_vector(limits, nothing, same)
        bits = ir.Constant(word, 0)
        for part in range(0, 64, count):
            place = builder.gep(pointer, [builder.add(arguments[1], ir.Constant(word, part))])
            some = builder.load(builder.bitcast(place, lanes.as_pointer()))
            some.align = width // 8
            larger = builder.bitcast(builder.icmp_unsigned(">", some, limits), ir.IntType(count))
            bits = builder.or_(bits, builder.shl(builder.zext(larger, word), ir.Constant(word, part)))
        return bits

    return signature, generate


@numba.njit(cache=True, nogil=True)
def above_all(numbers, limit):
    """`above` for all numbers, whose count is a multiple of 64: one uint64 for each 64 of them."""
    out = np.empty(len(numbers) // 64, np.uint64)
    for w in range(len(out)):
        out[w] = above(numbers, np.uint64(64 * w), limit)  # type: ignore[call-arg]
    return out


def above_all_numpy(numbers: np.ndarray, limit: int) -> np.ndarray:
    """Plain reference of `above_all`."""
    bits = (numbers > limit).reshape(-1, 64)
    return (bits.astype(np.uint64) << np.arange(64, dtype=np.uint64)).sum(1, dtype=np.uint64)
