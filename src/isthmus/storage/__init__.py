"""Files: written atomically, verified when read, never executed."""
