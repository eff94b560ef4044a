"""Redis processes that belong together: a cluster of three nodes; a master with a replica and a sentinel."""

import contextlib
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import redis

from servers.process import ServerProcess, free_port, make_folder, unprivileged_user
from servers.redis import _answers, _find_program


@dataclass
class Watched:
    """A master watched by a sentinel: the address to use, and the way to kill the master."""

    url: str
    kill_master: Callable[[], None]


@contextmanager
def _server(port: int, *options: str, config: str = "", sentinel: bool = False) -> Iterator[ServerProcess]:
    user = unprivileged_user(preferred="redis")
    folder = make_folder(user)
    try:
        program = Path(shutil.copy(_find_program(), folder / "server"))
        settings = folder / "settings.conf"
        settings.write_text(f"port {port}\nbind 127.0.0.1\n{config}")
        if user is not None:
            shutil.chown(settings, user=user)
        kind = ["--sentinel"] if sentinel else ["--save", "", "--appendonly", "no"]
        server = ServerProcess([program, str(settings), *kind, *options], folder=folder, user=user, stop_signal="TERM")
        server.wait_until(lambda: _answers(port))
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def running_cluster() -> Iterator[str]:
    """The address of a Redis Cluster of three nodes."""
    with contextlib.ExitStack() as stack:
        ports = [free_port() for _ in range(3)]
        buses = [free_port() for _ in range(3)]
        for port, bus in zip(ports, buses, strict=True):
            options = ("--cluster-enabled", "yes", "--cluster-port", str(bus), "--cluster-node-timeout", "2000")
            stack.enter_context(_server(port, *options))
        nodes = [stack.enter_context(redis.Redis(port=port)) for port in ports]
        edges = [0, 5461, 10923, 16384]
        for index, node in enumerate(nodes):
            node.execute_command("CLUSTER", "ADDSLOTSRANGE", edges[index], edges[index + 1] - 1)
            if index:
                node.execute_command("CLUSTER", "MEET", "127.0.0.1", ports[0], buses[0])
        _until(lambda: all(b"cluster_state:ok" in _info(node) for node in nodes))
        _until(lambda: all(b"cluster_known_nodes:3" in _info(node) for node in nodes))
        yield "redis+cluster://" + ",".join(f"127.0.0.1:{port}" for port in ports)


def _info(node: redis.Redis) -> bytes:
    reply = node.execute_command("CLUSTER", "INFO")
    if isinstance(reply, dict):
        return b"\n".join(f"{name}:{value}".encode() for name, value in reply.items())
    return reply


@contextmanager
def running_sentinel() -> Iterator[Watched]:
    """A master, a replica, and a sentinel that makes the replica the master when the master is gone for a second."""
    with contextlib.ExitStack() as stack:
        master, replica, sentinel = (free_port() for _ in range(3))
        stack.enter_context(_server(master))
        stack.enter_context(_server(replica, "--replicaof", f"127.0.0.1 {master}"))
        watch = (
            f"sentinel monitor shop 127.0.0.1 {master} 1\nsentinel down-after-milliseconds shop 500\n"
            "sentinel failover-timeout shop 2000\n"
        )
        stack.enter_context(_server(sentinel, config=watch, sentinel=True))
        client = stack.enter_context(redis.Redis(port=master))
        watcher = stack.enter_context(redis.Redis(port=sentinel))
        _until(lambda: client.info("replication")["connected_slaves"] == 1)
        _until(lambda: len(watcher.execute_command("SENTINEL", "REPLICAS", "shop")) == 1)
        process = client.info("server")["process_id"]
        yield Watched(f"redis+sentinel://127.0.0.1:{sentinel}/shop/0", lambda: os.kill(process, signal.SIGKILL))


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("the servers did not find each other")
        time.sleep(0.05)
