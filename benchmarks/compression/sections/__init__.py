"""The sections of the benchmark, one file each: `lossy_digits.py` is the section `lossy-digits`."""
