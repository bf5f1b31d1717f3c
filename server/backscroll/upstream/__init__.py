"""The upstream that the settings choose, and how to name oneself to it."""
