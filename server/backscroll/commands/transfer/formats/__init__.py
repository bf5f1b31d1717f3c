"""The formats that can be imported: one module for each, which reads it into entries."""
