"""Servers that the cache speaks to, one room each."""
