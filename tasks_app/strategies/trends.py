"""What is known of flags in general, whatever the model and the machine.

Each trend says how the logarithm of the score is likely to change with a quantity that is read
from a configuration. It is only a guess to start from: the first results outweigh it.

- devices: a replica that is spread over more devices gives less throughput per device (the share
  of communication grows) and answers faster. Counted are the flags of tensor, pipeline and data
  parallelism, in SGLang's, vLLM's and TensorRT-LLM's names.
- bits: numbers of fewer bits are read and multiplied faster (fp4, int8, q4_k_m, bf16 …).
"""

import math
import re
from collections.abc import Mapping, Sequence

import numpy as np

from tasks_app.space import Scalar
from tasks_app.strategies.encoding import Matrix, is_number

DEVICES = re.compile(
    r"^(tp|pp|dp)(-size)?$|^(tensor|pipeline|data)-parallel(-size)?$|^(tp|pp|dp)_size$"
)
BITS_OF = re.compile(r"(precision|dtype|quantization|quant|cache-type-[kv])$")
BITS = re.compile(r"(?:fp|bf|int|f|q|iq|w|nvfp|mxfp)(\d{1,2})")


def features(configurations: Sequence[Mapping[str, Scalar]]) -> Matrix:
    """A column a trend: log2 of devices, log2 of bits; 0 where nothing is known."""
    rows = [(_log_devices(c), _log_bits(c)) for c in configurations]
    return np.array(rows, dtype=float).reshape(len(rows), 2)


def slopes(*, maximise: bool) -> tuple[float, float]:
    """Change of the log of the score (of its inverse, where less is better) a doubling."""
    return (-0.3, -0.4) if maximise else (0.2, -0.4)


def _log_devices(configuration: Mapping[str, Scalar]) -> float:
    total = 0.0
    for name, value in configuration.items():
        if DEVICES.match(name) and is_number(value) and float(value or 0) >= 1:
            total += math.log2(float(value or 1))
    return total


def _log_bits(configuration: Mapping[str, Scalar]) -> float:
    found = []
    for name, value in configuration.items():
        if BITS_OF.search(name) and isinstance(value, str):
            match = BITS.search(value.lower())
            if match and 1 <= int(match[1]) <= 32:
                found.append(math.log2(int(match[1])))
    return sum(found)
