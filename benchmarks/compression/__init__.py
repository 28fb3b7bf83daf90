"""Bytes: Isthmus as a codec compared with the standard tools, on the same data in one run, headers included."""
