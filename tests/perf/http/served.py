"""Applications on real servers, on a free port each."""

import contextlib
import threading

import uvicorn
import waitress
from waitress import wasyncore

from perf.http.sites import PATIENCE, eventually


@contextlib.contextmanager
def served_by_waitress(app):
    server = waitress.create_server(app, host="127.0.0.1", port=0, threads=4)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield server.effective_port
    finally:
        # Connections that are kept alive would keep the server's loop alive too.
        # Its thread may be awake already, and have closed the trigger too, before that is pulled.
        with contextlib.suppress(OSError):
            server.trigger.pull_trigger(lambda: wasyncore.close_all(server._map))
        thread.join(PATIENCE)
        server.task_dispatcher.shutdown()


@contextlib.contextmanager
def served_by_uvicorn(app):
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        eventually(lambda: server.started)
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(PATIENCE)
