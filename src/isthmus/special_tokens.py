"""Special tokens: the first ones of every vocabulary, which stand for no symbol."""

END, UNKNOWN = 0, 1
"""The end of a sample; an unknown symbol, or one that the decoder may not see."""
SPECIAL = 2
"""How many there are: tokens from this one on stand for symbols."""
