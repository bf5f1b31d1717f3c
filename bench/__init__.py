"""What Backscroll costs, measured: `python -m bench --help`."""
