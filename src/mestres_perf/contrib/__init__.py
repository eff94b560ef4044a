"""The libraries that mestres_perf can watch, one file each."""
