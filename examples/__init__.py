"""The two example applications of mestres, and the data their demo starts with."""
