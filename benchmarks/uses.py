"""Show that each use works, beside a simple baseline: `python benchmarks/uses.py --only blend --out runs/uses`."""

import sys

from prove import main

if __name__ == "__main__":
    sys.exit(main("uses"))
