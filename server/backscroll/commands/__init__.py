"""The commands of `backscroll`, each in its own module or package, and their shared modules."""
