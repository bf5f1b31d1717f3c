"""The asynchronous client of upstream APIs.

Most modules build requests or read replies without I/O. Only a few send and receive.
"""
