"""Opens, prepares, reads and writes a SQLite or PostgreSQL database."""
