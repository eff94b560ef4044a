"""The socket that the demo's servers serve on."""

import socket

from mestres_core.cli import demo


def test_answers_do_not_wait_for_each_other():
    """A connection to the demo sends each packet at once: kept-alive requests would take 40 ms more otherwise."""
    with demo._listen("127.0.0.1", 0) as listener:
        listener.listen()
        with socket.create_connection(listener.getsockname()), listener.accept()[0] as accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
