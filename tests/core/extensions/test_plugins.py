"""Plugins: found among the installed packages, loaded when they are asked for."""

import sys
import uuid

import pytest

from mestres_core import Commerce, Config
from mestres_core.errors import PluginError
from mestres_core.plugins import Plugin, installed, load, plugged
from mestres_core.providers.fake import FakeCard, FakePix
from mestres_core.testing import memory_shop


@pytest.fixture
def install(tmp_path, monkeypatch):
    """`install("roastery", "def plugin(): ...")`: a package with that entry point; gives the package's name."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def make(name, code, *, attribute="plugin"):
        module = f"plugin_{uuid.uuid4().hex}"
        package = f"package-of-{name}-{module[-4:]}"
        (tmp_path / f"{module}.py").write_text(code)
        info = tmp_path / f"{package.replace('-', '_')}-1.5.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.5\n")
        (info / "entry_points.txt").write_text(f"[mestres_core.plugins]\n{name} = {module}:{attribute}\n")
        return package

    return make


LOUD = """
print("loaded")
class Cent:
    def resolve(self, requests, *, session):
        return [1 for _ in requests]
def plugin():
    return {"prices": Cent()}
"""


def test_nothing_is_loaded_until_it_is_asked_for(install, capsys):
    """What is installed is listed without being loaded; a shop that asks for it has it."""
    package = install("cents", LOUD)
    (found,) = [each for each in installed() if each.name == "cents"]
    assert (found.package, found.version) == (package, "1.5")
    assert capsys.readouterr().out == ""

    with Commerce.open("sqlite://", plugins=["cents"]) as shop:
        shop.catalog.save(key="A", name="A", variants=[{"sku": "A", "price": 500, "stock": 1}])
        assert shop.pricing.resolve("A").price.amount == 1
    assert capsys.readouterr().out == "loaded\n"


def test_what_an_entry_point_may_be(install):
    """A function, settings, or a Plugin; its name is that of the entry point unless it has one."""
    install("settings", "plugin = {'webhook_secret': 'a'}")
    install("whole", "from mestres_core.plugins import Plugin\nplugin = Plugin(settings={}, requires=('settings',))")
    install("made", "def plugin():\n    return {'webhook_secret': 'b'}")
    assert [load(name).name for name in ("settings", "whole", "made")] == ["settings", "whole", "made"]
    assert load("whole").requires == ("settings",)
    assert Config.with_plugins("settings", "whole").webhook_secret == "a"


UNLOADABLE = {
    "an import fails": ("import no_such_module_at_all", "plugin", "ModuleNotFoundError"),
    "it is not there": ("", "plugin", "AttributeError"),
    "it raises": ("def plugin():\n    raise RuntimeError('no licence')", "plugin", "no licence"),
    "it is a number": ("plugin = 5", "plugin", "is a int"),
    "it is a syntax error": ("def (", "plugin", "SyntaxError"),
}


@pytest.mark.parametrize("name", UNLOADABLE)
def test_one_that_cannot_be_loaded(install, name):
    """The error has the plugin's name and what went wrong in it."""
    code, attribute, says = UNLOADABLE[name]
    install("broken", code, attribute=attribute)
    with pytest.raises(PluginError, match=says) as caught:
        Config.with_plugins("broken")
    assert caught.value.plugin == "broken"


def test_one_that_is_not_there(install):
    """A name that is nearly right is guessed; otherwise the installed ones are told."""
    with pytest.raises(PluginError, match="no installed package"):
        load("roastery")
    install("roastery", LOUD)
    with pytest.raises(PluginError, match="did you mean 'roastery'"):
        load("rostery")
    with pytest.raises(PluginError, match="installed are roastery"):
        load("zzz")


def test_one_name_in_two_packages(install):
    """Which of two is meant is not guessed."""
    first, second = install("twice", LOUD), install("twice", LOUD)
    with pytest.raises(PluginError, match="is offered by") as caught:
        load("twice")
    assert first in str(caught.value)
    assert second in str(caught.value)


class Sink:
    def __init__(self, name):
        self.name = name

    def __call__(self, fact):
        pass


def _plugin(name, after=(), requires=(), **settings):
    return Plugin(name=name, settings=settings, after=after, requires=requires)


A, B, C = Sink("a"), Sink("b"), Sink("c")


@pytest.mark.parametrize(
    ("plugins", "own", "expected"),
    [
        ([_plugin("a", sinks=[A]), _plugin("b", sinks=[B])], {}, [A, B]),
        ([_plugin("b", sinks=[B]), _plugin("a", sinks=[A])], {}, [B, A]),
        ([_plugin("a", sinks=[A]), _plugin("b", sinks=[B])], {"sinks": [C]}, [C, A, B]),
        ([_plugin("a", after=("b",), sinks=[A]), _plugin("b", sinks=[B])], {}, [B, A]),
        ([_plugin("a", after=("b", "c"), sinks=[A]), _plugin("c", sinks=[C]), _plugin("b", sinks=[B])], {}, [C, B, A]),
        ([_plugin("a", requires=("b",), sinks=[A]), _plugin("b", sinks=[B])], {}, [B, A]),
        ([_plugin("a", after=("not there",), sinks=[A])], {}, [A]),
        ([_plugin("a", sinks=[A, A])], {}, [A, A]),
        ([], {}, []),
    ],
    ids=[
        "given",
        "given the other way",
        "the host first",
        "after",
        "after two",
        "required",
        "after nobody",
        "twice",
        "none",
    ],
)
def test_in_which_order(plugins, own, expected):
    """In the order in which they are asked for, behind what they come after; the host's own first."""
    assert list(Config.with_plugins(*plugins, **own).sinks) == expected


def test_several_without_a_name():
    """Mappings have none, and many a package calls its function "plugin": they are not the same for that."""

    def plugin():
        return {"sinks": [A]}

    def other():
        return {"sinks": [B]}

    other.__name__ = "plugin"
    one, two = {"tax": 1}, {"rounding": 2}
    made = plugged(
        [plugin, other, one, two, Plugin(settings={"ids": 3})], {}, known=("sinks", "tax", "rounding", "ids")
    )
    assert made == {"sinks": [A, B], "tax": 1, "rounding": 2, "ids": 3}
    with pytest.raises(PluginError, match="Plugin given 2: sets tax, and so does given"):
        plugged([one, {"tax": 2}], {}, known=("tax",))
    for same in (plugin, one, Plugin(settings={}, name="x")):
        with pytest.raises(PluginError, match="asked for twice"):
            plugged([same, same], {}, known=("sinks", "tax"))


CONFLICTS = [
    ([_plugin("a", tax=1), _plugin("b", tax=2)], "Plugin b: sets tax, and so does a"),
    ([_plugin("a", conditions={"x": 1}), _plugin("b", conditions={"x": 1})], "the word 'x' of conditions"),
    ([_plugin("a", actions={"x": 1}), _plugin("b", actions={"x": 1})], "the word 'x' of actions"),
    ([_plugin("a", merge_policies={"x": 1}), _plugin("b", merge_policies={"x": 1})], "the word 'x' of merge_policies"),
    ([_plugin("a", providers=[FakeCard()]), _plugin("b", providers=[FakeCard()])], "the provider 'card'"),
    ([_plugin("a"), _plugin("a")], "is asked for twice"),
    ([_plugin("a", requires=("b", "c")), _plugin("c")], "needs b"),
    ([_plugin("a", after=("b",)), _plugin("b", after=("a",))], r"circle with others \(a, b\)"),
    ([_plugin("a", prizes=1)], "'prizes', which is no setting; did it mean 'prices'"),
    ([_plugin("a", zzzzzz=1)], "settings are providers, shipping"),
    ([_plugin("a", sinks=A)], "sets sinks to a Sink; a sequence"),
    ([_plugin("a", conditions=[A])], "sets conditions to a list; a mapping"),
]


@pytest.mark.parametrize(("plugins", "says"), CONFLICTS, ids=lambda value: value if isinstance(value, str) else "")
def test_what_does_not_go_together(plugins, says):
    """Two that want the same, one that lacks another, and misspelt settings are told with both names and a way out."""
    with pytest.raises(PluginError, match=says):
        Config.with_plugins(*plugins)


def test_the_hosts_own_word_is_the_last():
    """What a host sets itself is no conflict: it counts, and the plugins' others stay."""
    card, pix, mine = FakeCard(), FakePix(), FakeCard()
    both = [_plugin("a", webhook_secret="a", providers=[card, pix]), _plugin("b", webhook_secret="b")]
    config = Config.with_plugins(*both, webhook_secret="mine", providers=[mine])

    assert config.webhook_secret == "mine"
    assert list(config.providers) == [mine, pix]
    words = _plugin("c", conditions={"x": Sink, "y": Sink})
    assert Config.with_plugins(words, conditions={"x": FakeCard}).conditions == {"x": FakeCard, "y": Sink}
    assert [each.name for each in Config.with_plugins().providers] == ["card", "pix", "boleto"]
    assert list(Config.with_plugins(providers=()).providers) == []


def test_a_plugin_is_held_to_the_protocols():
    """What it brings is looked at like a setting of the host's."""
    with pytest.raises(TypeError, match="PriceResolver"):
        Config.with_plugins({"prices": object()})


def test_config_or_settings():
    """A ready Config and settings or plugins beside it contradict each other."""
    with pytest.raises(TypeError, match="either config or settings"):
        Commerce.open("sqlite://", config=Config(), webhook_secret="x")
    with pytest.raises(TypeError, match="either config or settings"):
        Commerce.open("sqlite://", config=Config(), plugins=[{}])
    with pytest.raises(TypeError, match="unknown"):
        Commerce.open("sqlite://", unknown=1)
    with memory_shop(plugins=[{"sinks": [A]}]) as shop:
        assert list(shop.config.sinks) == [A]
