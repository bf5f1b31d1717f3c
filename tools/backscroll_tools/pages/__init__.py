"""Pages of limited size: reads an upstream's list from a position until the page is full."""
