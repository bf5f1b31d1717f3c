"""Conversations that other programs recorded: exports, archives and session logs, read."""
