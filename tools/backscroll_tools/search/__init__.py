"""Full-text search in memory: splits texts into tokens, matches and ranks texts, cuts excerpts.

Nothing here reads a database or uses the network.
"""
