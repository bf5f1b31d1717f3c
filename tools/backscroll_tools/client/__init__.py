"""The asynchronous client of upstream APIs.

Most modules build requests or parse replies without I/O. Only a few modules use the network.
"""
