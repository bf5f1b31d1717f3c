"""Programs of others that the tests drive Backscroll with."""
