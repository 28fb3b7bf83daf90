"""The version of Isthmus that is installed."""

from importlib.metadata import PackageNotFoundError, version

try:
    VERSION = version("isthmus")
except PackageNotFoundError:  # run from a folder that was never installed
    VERSION = "unknown"
