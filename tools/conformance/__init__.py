"""What each implementation of a trick really does, read off its output."""
