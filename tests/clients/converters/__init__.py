"""Frameworks that convert the tools for a model, in an environment of their own."""
