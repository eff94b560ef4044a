"""The operations kit: the files by which the programs around an application are configured."""
