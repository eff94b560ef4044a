"""Measure an application by using it."""
