"""Where the scenarios are played: in memory, on each supported Redis with each protocol, on a cluster."""

import uuid

import pytest

from mestres_perf import Cache, Redis
from perf.faces import FACES
from perf.scenarios.stage import Paused, begin

SERVERS = [f"{age}-resp{protocol}" for age in ("oldest", "newest") for protocol in (2, 3)]


@pytest.fixture(params=FACES, ids=lambda face: face.name)
def face(request):
    """Threads, then tasks."""
    return request.param


def _address(request):
    if request.param == "cluster":
        return request.getfixturevalue("redis_cluster"), 2
    age, _, protocol = request.param.partition("-resp")
    return request.getfixturevalue("oldest_redis_url" if age == "oldest" else "redis_url"), int(protocol)


def _nodes(face, address, closing):
    """Makes nodes of one application; each is a cache of its own in front of the same Redis, if there is one."""
    made, name = [], f"scenario-{uuid.uuid4().hex}"

    def make(**options):
        redis = None
        if address is not None:
            url, protocol = address
            redis = Paused(Redis(url, timeout=10.0, protocol=protocol))
            options.setdefault("trust", 20.0)
        node = face(Cache(name, redis=redis, **options))
        node.redis, node.address = redis, address
        made.append(node)
        return node

    yield make
    closing.extend(begin(node.close) for node in made)


@pytest.fixture(scope="session")
def closing():
    """Nodes on their way out: a test does not wait for the last answer to their listeners."""
    futures = []
    yield futures
    for future in futures:
        future.result(30)


@pytest.fixture(params=["memory", *SERVERS])
def make(request, face, closing):
    """Makes nodes, in memory alone and on each Redis."""
    yield from _nodes(face, None if request.param == "memory" else _address(request), closing)


@pytest.fixture(params=[*SERVERS, "cluster"])
def make_node(request, face, closing):
    """Makes nodes, on each Redis and on a cluster."""
    yield from _nodes(face, _address(request), closing)


@pytest.fixture(params=SERVERS)
def make_single(request, face, closing):
    """Makes nodes, on each Redis: what is one server can be put back to what it was."""
    yield from _nodes(face, _address(request), closing)
