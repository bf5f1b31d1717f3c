"""`backscroll doctor`: what is configured, what answers, what will work, and how to mend the rest.

No key and no word of an upstream's own is ever shown: either may be in the other.
"""
