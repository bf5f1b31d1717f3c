"""The tools that read and write messages, one module each."""
