"""Third-party programs with which the tests call Backscroll."""
