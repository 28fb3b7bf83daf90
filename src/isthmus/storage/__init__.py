"""Files: written whole, verified when read, never run."""
