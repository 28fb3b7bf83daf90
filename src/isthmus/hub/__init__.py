"""Hugging Face Hub: a run as a model repository of safetensors and JSON, with a model card."""

from isthmus.hub.repository import address, pull, push

__all__ = ["address", "pull", "push"]
