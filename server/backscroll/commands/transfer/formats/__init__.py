"""The formats that can be imported. Each has a module that reads it into entries."""
