"""Whole conversations, as they are imported and exported."""
