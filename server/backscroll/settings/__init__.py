"""Every setting: described once, read once, checked before anything is sent."""
