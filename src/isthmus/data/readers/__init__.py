"""Readers of files, one module for each family of formats; `known` is the table of all formats.

Each reader is called with a path, the options and the description of a model's data or None, and returns a `Raw`.
"""
