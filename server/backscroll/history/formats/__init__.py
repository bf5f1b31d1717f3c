"""The formats: how a file of each is recognised, and how its conversations are read.

Each is a module, or a folder, with one value `FORMAT`. `registry` names them.
"""
