"""Type checkers know the awaited services as they are."""

import importlib.util
from pathlib import Path

from mestres_core import Commerce
from mestres_core.services import MAKERS, SERVICE_TYPES

_PATH = Path(__file__).with_name("stub.py")
_spec = importlib.util.spec_from_file_location("aio_stub", _PATH)
assert _spec is not None
assert _spec.loader is not None
stub = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(stub)


def test_the_stub_is_what_the_services_say():
    """services.pyi is as the script makes it; when a service has changed: `python tests/core/aio/stub.py`."""
    assert stub.FILE.read_text() == stub.stub()


def test_every_service_is_there(sqlite_url):
    """Each service of the plain shop is in the stub, each public call of it with `async`, and can be had awaited."""
    text = stub.FILE.read_text()
    with Commerce.open(sqlite_url) as shop:
        assert len(SERVICE_TYPES) > 20
        for name, service in SERVICE_TYPES.items():
            said = service.__name__
            assert f"    {name}: Async{said}\n" in text
            body = text.partition(f"class Async{said}:\n")[2].partition("\nclass ")[0]
            calls = [call for call in dir(getattr(shop, name)) if callable(getattr(getattr(shop, name), call))]
            assert calls
            assert [call for call in calls if f"    async def {call}(self" not in body] == []
            assert [call for call in calls if not hasattr(getattr(shop.aio, name), call)] == []
    assert set(SERVICE_TYPES) == set(MAKERS)
