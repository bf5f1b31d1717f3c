"""Responses in the background, which the recorder runs itself."""
