"""The only files that ask which database this is."""
