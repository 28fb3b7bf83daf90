"""Compression with a model: lossless, within a largest error, or by the code alone."""

from isthmus.codec.compression import Compressed, Decompressor, codec_info, compress, decompress

__all__ = ["Compressed", "Decompressor", "codec_info", "compress", "decompress"]
