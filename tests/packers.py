"""How others compress a body: an encoder for each coding that is taken."""

import gzip
import sys
import zlib
from collections.abc import Callable, Mapping
from functools import partial

import brotli

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

__all__ = ["PACKERS", "brotli", "zstd"]

PACKERS: Mapping[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": partial(brotli.compress, quality=9),  # at its best it takes twenty-five times as long
    "zstd": zstd.compress,
}
