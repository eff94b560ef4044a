"""Third parties, one file each, and their stand-ins for demo and tests."""
