"""The formats that can be imported, and the types of the entries that are read from files."""
