"""A model server on loopback, which answers what a script in the request says."""
