"""The programs whose sessions are found on this machine, and where each one keeps them."""
