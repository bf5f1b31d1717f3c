"""`backscroll doctor`: checks the configuration and the upstream, and says how to fix problems.

Keys are never shown. An upstream's own texts are not shown either: they can quote a key.
"""
