"""Show that each variety does what it is for: `python benchmarks/varieties.py --only sparse --out runs/varieties`."""

import sys

from prove import main

if __name__ == "__main__":
    sys.exit(main("varieties"))
