"""All settings: their definitions, and how they are read and validated."""
