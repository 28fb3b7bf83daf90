"""Show that each use works, beside a simple baseline: `python -m benchmarks.proofs.uses --only blend`."""

import sys

from benchmarks.proofs.prove import main

if __name__ == "__main__":
    sys.exit(main("uses"))
