"""Tests of the readers of JSON, session logs and databases."""
