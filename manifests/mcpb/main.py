"""What a host runs that has unpacked the bundle."""

from backscroll.__main__ import main

main()
