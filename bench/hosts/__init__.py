"""Hosts, run without a screen against a scripted model, to record what their models get.

`make hosts` installs them and runs them. `rules` gives the same figures for hosts that cannot run
here, by what is known of each.
"""
