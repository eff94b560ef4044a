"""Extensions that come as packages of their own.

A package names what it brings in its pyproject.toml:

    [project.entry-points."mestres_core.plugins"]
    roastery = "roastery.shop:plugin"

and a host asks for it: `Commerce.open(url, plugins=["roastery"])`. Nothing is loaded because it is installed.
"""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import metadata
from typing import Any, Final, TypeAlias

from mestres_core.errors import PluginError

GROUP: Final = "mestres_core.plugins"
_JOINED: Final = ("providers", "sinks")  # those of all plugins count, one after the other
_BY_WORD: Final = ("conditions", "actions", "merge_policies")  # each word is somebody's


@dataclass(frozen=True, slots=True, kw_only=True)
class Plugin:
    """What a plugin brings: `settings` are fields of `mestres_core.Config`.

    `requires` names plugins without which it does nothing good, `after` those whose providers and sinks come before its
    own when both are there. `name` is that of its entry point unless it is given.
    """

    settings: Mapping[str, Any]
    requires: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    name: str = ""


PluginLike: TypeAlias = Plugin | Mapping[str, Any] | Callable[[], Plugin | Mapping[str, Any]]
"""A plugin, the settings of one, or a function without arguments that gives either."""


@dataclass(frozen=True, slots=True)
class Installed:
    """A plugin that could be loaded: its `name`, where it is (`module:attribute`), the package and its version."""

    name: str
    target: str
    package: str
    version: str


def installed() -> tuple[Installed, ...]:
    """Every plugin that the installed packages offer, by name; none is loaded."""
    found = (
        Installed(each.name, each.value, each.dist.name if each.dist else "", each.dist.version if each.dist else "")
        for each in metadata.entry_points(group=GROUP)
    )
    return tuple(sorted(found, key=lambda each: (each.name, each.package)))


def load(name: str) -> Plugin:
    """The installed plugin of this name. Raises PluginError when there is none, or two, or it cannot be loaded."""
    offers = {each.value: each for each in metadata.entry_points(group=GROUP, name=name)}
    if not offers:
        raise PluginError(name, "is not installed", _where_to_look(name))
    if len(offers) > 1:
        packages = " and ".join(sorted(each.dist.name if each.dist else value for value, each in offers.items()))
        raise PluginError(name, f"is offered by {packages}", "uninstall one of them")
    offer = next(iter(offers.values()))
    try:
        made = offer.load()
        made = made() if callable(made) else made
    except Exception as error:
        reason = f"cannot be loaded from {offer.value} ({type(error).__name__}: {error})"
        raise PluginError(name, reason, "the package that brings it must be put right") from error
    return _plugin(made, name)


def plugged(
    plugins: Sequence[str | PluginLike], settings: Mapping[str, Any], *, known: Sequence[str]
) -> dict[str, Any]:
    """What these plugins and the host's own `settings` come to. `known` are the settings that there are.

    The host's own go before a plugin's: instead of them; first among providers and sinks; by word among conditions,
    actions and merge policies, and by name among providers. Two plugins that set the same are a conflict, unless the
    host sets it. Raises PluginError.
    """
    asked: list[Plugin] = []
    for place, each in enumerate(plugins):
        if isinstance(each, str):
            asked.append(load(each))
        elif any(each is other for other in plugins[:place]):
            raise PluginError(_name_of(each), "is asked for twice", "name it once")
        else:
            asked.append(_given(each, {other.name for other in asked}))
    chosen = _in_order(asked)
    brought: dict[str, tuple[str, Any]] = {}
    for plugin in chosen:
        _check_known(plugin, known)
        for setting, value in plugin.settings.items():
            if setting in _JOINED:
                _join(brought, plugin.name, setting, value, settings)
            elif setting in _BY_WORD:
                _by_word(brought, plugin.name, setting, value, settings)
            elif setting not in settings:
                _claim(brought, plugin.name, setting, setting, value)
    return _told_apart(brought, settings)


def _given(value: PluginLike, taken: Collection[str]) -> Plugin:
    """What stands there instead of a name. Two that have none of their own are not the same for that."""
    made = value() if callable(value) else value
    name, numbered = _name_of(value), itertools.count(2)
    free = name
    while free in taken:
        free = f"{name} {next(numbered)}"
    return _plugin(made, free)


def _name_of(value: PluginLike) -> str:
    return (value.name if isinstance(value, Plugin) else str(getattr(value, "__name__", ""))) or "given"


def _plugin(made: Any, name: str) -> Plugin:
    if isinstance(made, Plugin):
        return made if made.name else replace(made, name=name)
    if isinstance(made, Mapping):
        return Plugin(settings=made, name=name)
    what = f"is a {type(made).__name__}"
    raise PluginError(name, what, "a Plugin, a mapping of settings, or a function that gives one is expected")


def _in_order(plugins: Iterable[Plugin]) -> list[Plugin]:
    """In the given order, but each behind those it wants to come after."""
    waiting = list(plugins)
    names = [each.name for each in waiting]
    for plugin in waiting:
        if names.count(plugin.name) > 1:
            raise PluginError(plugin.name, "is asked for twice", "name it once")
        missing = [each for each in plugin.requires if each not in names]
        if missing:
            raise PluginError(plugin.name, f"needs {', '.join(missing)}", "load it, too")
    ordered: list[Plugin] = []
    while waiting:
        open_ = {each.name for each in waiting}
        ready = next((each for each in waiting if open_.isdisjoint({*each.after, *each.requires} - {each.name})), None)
        if ready is None:
            circle = ", ".join(sorted(open_))
            raise PluginError(waiting[0].name, f"goes round in a circle with others ({circle})", "take an `after` away")
        waiting.remove(ready)
        ordered.append(ready)
    return ordered


def _check_known(plugin: Plugin, known: Sequence[str]) -> None:
    for setting in plugin.settings:
        if setting not in known:
            near = difflib.get_close_matches(str(setting), known, n=1)
            remedy = f"did it mean {near[0]!r}?" if near else f"settings are {', '.join(known)}"
            raise PluginError(plugin.name, f"sets {setting!r}, which is no setting", remedy)


def _join(
    brought: dict[str, tuple[str, Any]], plugin: str, setting: str, value: Any, settings: Mapping[str, Any]
) -> None:
    own = {getattr(each, "name", None) for each in settings.get(setting, ())} if setting == "providers" else set()
    for each in _listed(plugin, setting, value):
        name = getattr(each, "name", None) if setting == "providers" else None
        if name is None or name not in own:
            key = f"{setting}:{name}" if name is not None else f"{setting}#{len(brought)}"
            _claim(brought, plugin, key, f"the provider {name!r}", each)


def _by_word(
    brought: dict[str, tuple[str, Any]], plugin: str, setting: str, value: Any, settings: Mapping[str, Any]
) -> None:
    if not isinstance(value, Mapping):
        raise PluginError(plugin, f"sets {setting} to a {type(value).__name__}", "a mapping from words is expected")
    for word, made in value.items():
        if word not in settings.get(setting, {}):
            _claim(brought, plugin, f"{setting}:{word}", f"the word {word!r} of {setting}", made)


def _claim(brought: dict[str, tuple[str, Any]], plugin: str, key: str, what: str, value: Any) -> None:
    before = brought.get(key)
    if before is not None:
        reason = f"sets {what}, and so does {before[0]}"
        raise PluginError(plugin, reason, "load one of them, or set it yourself: what a host sets goes before plugins")
    brought[key] = plugin, value


def _listed(plugin: str, setting: str, value: Any) -> list[Any]:
    if isinstance(value, str | Mapping) or not isinstance(value, Iterable):
        raise PluginError(plugin, f"sets {setting} to a {type(value).__name__}", "a sequence is expected")
    return list(value)


def _told_apart(brought: Mapping[str, tuple[str, Any]], settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings out of the claims, the host's own with them."""
    result: dict[str, Any] = dict(settings)
    for setting in _JOINED:
        result[setting] = list(settings.get(setting, ()))
    for setting in _BY_WORD:
        result[setting] = dict(settings.get(setting, {}))
    for key, (_, value) in brought.items():
        setting, separator, word = key.partition(":")
        if separator and setting in _BY_WORD:
            result[setting][word] = value
        elif setting.partition("#")[0] in _JOINED:
            result[setting.partition("#")[0]].append(value)
        else:
            result[setting] = value
    unset = {*_JOINED, *_BY_WORD} - settings.keys()
    return {name: value for name, value in result.items() if value or name not in unset}


def _where_to_look(name: str) -> str:
    there = [each.name for each in installed()]
    near = difflib.get_close_matches(name, there, n=1)
    if near:
        return f"did you mean {near[0]!r}?"
    if there:
        return f"installed are {', '.join(there)}"
    return f"no installed package has an entry point in the group {GROUP!r}"
