"""Tests of the items of conversations."""
