"""At the edge: web frameworks, task queues, and the one file that knows mestres_perf."""
