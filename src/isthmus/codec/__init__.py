"""Compression with a model: lossless, within a largest error, or by the code alone."""

from isthmus.codec.compressed import Compressed
from isthmus.codec.compression import Decompressor, codec_info, compress, decompress

__all__ = ["Compressed", "Decompressor", "codec_info", "compress", "decompress"]
