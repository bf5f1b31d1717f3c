"""The upstream that the settings choose, and how to authenticate to it."""
