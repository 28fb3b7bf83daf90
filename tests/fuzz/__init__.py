"""Damaged inputs for every reader and every file of a run: each is refused in one line, or used.

make fuzz                          two minutes
make fuzz SECONDS=3600 SEED=7      as long as wanted
make fuzz CASE=parquet:1234        one input again
"""
