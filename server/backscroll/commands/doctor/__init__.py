"""`backscroll doctor`: checks the settings and the upstream, and explains how to fix problems.

Keys are never shown. Texts from an upstream are not shown either, because they can quote a key.
"""
