"""Full-text search in memory: splits texts into tokens, matches queries, ranks and cuts excerpts.

Nothing here reads a database or uses the network.
"""
