"""SQLite or PostgreSQL: opened, made ready, read and written."""
