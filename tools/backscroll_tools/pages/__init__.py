"""Bounded pages: where a page starts, how the upstream is walked, and how much of it fits."""
