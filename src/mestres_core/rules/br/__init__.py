"""Rules of Brazil."""
