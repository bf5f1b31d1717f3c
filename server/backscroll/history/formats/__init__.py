"""Recognises the formats of files that other programs wrote, and reads the conversations.

Each format is a module or a folder with a constant `FORMAT`. `registry` lists all formats.
"""
