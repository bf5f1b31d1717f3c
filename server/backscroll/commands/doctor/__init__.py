"""`backscroll doctor`: checks the configuration and the upstream, and says how to fix problems.

Neither keys nor an upstream's own texts are ever shown, because such a text may quote a key.
"""
