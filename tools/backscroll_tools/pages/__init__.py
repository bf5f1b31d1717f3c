"""Bounded pages: their start positions, the walk over the upstream's list, and the size limit."""
