"""Search without a database or a network: tokens, queries, matches, ranking and excerpts."""
