"""Delimited text: the characters, the layout and the records of CSV, TSV and similar files."""

from isthmus.data.delimited.file import TextFile, text_file
from isthmus.data.delimited.layout import Layout, find_layout
from isthmus.data.delimited.records import Block, blocks

__all__ = ["Block", "Layout", "TextFile", "blocks", "find_layout", "text_file"]
