"""Reads JSON, session logs and databases that other programs wrote, with bounded memory."""
