"""How many pieces there are, and whose they are. It knows variants by number and nothing else of the catalogue."""
