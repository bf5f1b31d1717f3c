"""The entry point of the bundle, which hosts run."""

from backscroll.__main__ import main

main()
