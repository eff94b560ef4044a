"""Commerce arithmetic: values in, values out. No clock, no database, no chance."""
