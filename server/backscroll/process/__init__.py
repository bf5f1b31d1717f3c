"""What any command of this process needs: its log, its signals, its end."""
