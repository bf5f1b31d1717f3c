"""The tools that read and write messages. Each tool has its own module."""
