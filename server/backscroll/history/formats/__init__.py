"""A module for each format: how a file of it is recognised, and how its conversations are read."""
