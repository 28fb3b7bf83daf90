"""Show that each variety does what it is for: `python -m benchmarks.proofs.varieties --only sparse`."""

import sys

from benchmarks.proofs.prove import main

if __name__ == "__main__":
    sys.exit(main("varieties"))
