"""Decoders: the frames of one file, a module for each library that decodes some formats."""

from isthmus.data.decoders.frame import Frame, check_pixels

__all__ = ["Frame", "check_pixels"]
