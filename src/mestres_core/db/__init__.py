"""Living inside the host's database."""
