"""What one durable write costs on the disk that the ledger is measured on."""

import os
import statistics
import tempfile
import time
from pathlib import Path

_BLOCK = 4096


def fdatasync_us(folder: Path, times: int = 500) -> float:
    """The median of a 4 KiB write with its fdatasync, in microseconds.

    The blocks are there beforehand, as in a write-ahead log that has been through its first checkpoint:
    growing a file would cost more, and make the allowance that follows from this figure larger.
    """
    with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
        file.write(os.urandom(_BLOCK * times))
        os.fsync(file)
        return statistics.median(_written(file.fileno(), number) for number in range(times))


def _written(descriptor: int, number: int) -> float:
    block = os.urandom(_BLOCK)
    begun = time.perf_counter()
    os.pwrite(descriptor, block, number * _BLOCK)
    os.fdatasync(descriptor)
    return (time.perf_counter() - begun) * 1e6
