"""Opening, preparing, reading and writing a SQLite or PostgreSQL database."""
