"""The commands that a person types, one module or package each, and what they share."""
