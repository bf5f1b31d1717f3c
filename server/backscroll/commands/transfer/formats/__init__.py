"""The formats that can be imported, and the entries that they are read into."""
