"""Whether search finds what a question asks for: `python -m bench.search`."""
