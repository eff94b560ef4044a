"""A function behind a breaker, written out for what the breaker looks at and for the function's colour.

While the breaker is closed a call costs one look at `passing`, or at `window`, and what its rules ask for, and nothing
else: a breaker that counts failures in a row never looks at a clock, and one without a window has no window to step.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, cast

from mestres_perf._kernel.calls import Colour, colour_of, within
from mestres_perf.errors import CircuitOpenError
from mestres_perf.resilience._machine import Machine
from mestres_perf.resilience._permit import Permit
from mestres_perf.resilience._rules import Rules
from mestres_perf.resilience._states import State
from mestres_perf.resilience._windows import TimeWindow

_TEMPLATE = """\
def make(_function, {given}):
    {colour}def guarded({declared}):
        {gate} = _machine.{passing}
        if {gate} is None:
            _period = _machine.current
            if _period.state is _OPEN:
                _left = _period.until - _clock()
                if _left > 0:
                    _next(_rejections)
                    raise _Refusal(_name, _left)
            _period = _admit()
            _began = _clock()
            try:
                _result = {call}
            except _Error as _error:
                _raised(_period, _error, _clock() - _began)
                raise
            _returned(_period, _result, _clock() - _began)
            return _result
{begin}
        try:
            _result = {call}
        except _Error as _error:
            _raised({period}, _error, {passed})
            raise
{end}
        return _result
    return guarded
"""
_IN_A_ROW = """\
        if {period}.in_a_row:
            _recovered({period})
"""
_STEP = """\
        _number = _next(_window.numbers)
        if _number >= _window.edge:
            _weigh(_window.period, _number)
"""
_OF_MACHINE = (
    "clock",
    "admit",
    "raised",
    "returned",
    "succeeded",
    "successes",
    "rejections",
    "recovered",
    "weigh",
    "name",
)
_GIVEN = ("machine", *_OF_MACHINE, "slow_after", "next", "Error", "OPEN", "Refusal")
_P = inspect.Parameter


def compiled(machine: Machine, *, is_async: bool, function: Callable[..., Any] | None = None) -> Callable[..., Any]:
    """The function behind the breaker; without one, a function that calls its first argument."""
    timed = machine.rules.slow_after is not None
    slow_after = None if machine.rules.slow_after is None else float(machine.rules.slow_after)  # compared the faster
    if function is None:
        declared, passed_on, defaults = "_function, /, *_arguments, **_named", "*_arguments, **_named", ()
    else:
        declared, passed_on, defaults = _parameters(function)
    windowed = machine.rules.limits is not None
    gate, period = ("_window", "_window.period") if windowed else ("_period", "_period")
    source = _TEMPLATE.format(
        gate=gate,
        passing="window" if windowed else "passing",
        period=period,
        given=", ".join([*(f"_{name}" for name in _GIVEN), *(f"_default{place}" for place in range(len(defaults)))]),
        colour="async " if is_async else "",
        declared=declared,
        call=f"{'await ' if is_async else ''}_function({passed_on})",
        passed="_clock() - _began" if timed else "0.0",
        begin="        _began = _clock()" if timed else "",
        end=_end(machine.rules, period),
    )
    of_machine = (getattr(machine, name) for name in _OF_MACHINE)
    given = (machine, *of_machine, slow_after, next, BaseException, State.OPEN, CircuitOpenError)
    return cast("Callable[..., Any]", _code_of(source)(function, *given, *defaults))


@functools.lru_cache(maxsize=1024)
def _code_of(source: str) -> Callable[..., Any]:
    namespace: dict[str, Any] = {}
    exec(compile(source, "<circuit breaker>", "exec"), namespace)  # noqa: S102 - the text above and parameters' names
    return cast("Callable[..., Any]", namespace["make"])


def _parameters(function: Callable[..., Any]) -> tuple[str, str, tuple[Any, ...]]:
    """How the function declares its parameters, how they are passed on, and their defaults.

    Written out they cost half of what stars do. Only what a plain function itself says is believed: one that wraps
    another may take other arguments than it claims.
    """
    stars = "*_arguments, **_named", "*_arguments, **_named", ()
    if not inspect.isfunction(function) or hasattr(function, "__signature__"):
        return stars
    parameters = list(inspect.signature(function, follow_wrapped=False).parameters.values())
    if any(p.kind in (_P.VAR_POSITIONAL, _P.VAR_KEYWORD) or p.name.startswith("_") for p in parameters):
        return stars
    declared: list[str] = []
    passed_on: list[str] = []
    defaults: list[Any] = []
    for before, p in zip([None, *parameters], parameters, strict=False):
        if before is not None and before.kind is _P.POSITIONAL_ONLY is not p.kind:
            declared.append("/")
        if p.kind is _P.KEYWORD_ONLY and (before is None or before.kind is not _P.KEYWORD_ONLY):
            declared.append("*")
        declared.append(p.name if p.default is _P.empty else f"{p.name}=_default{len(defaults)}")
        defaults += [] if p.default is _P.empty else [p.default]
        passed_on.append(f"{p.name}={p.name}" if p.kind is _P.KEYWORD_ONLY else p.name)
    if parameters and parameters[-1].kind is _P.POSITIONAL_ONLY:
        declared.append("/")
    return ", ".join(declared), ", ".join(passed_on), tuple(defaults)


def _end(rules: Rules, period: str) -> str:
    """What a success in a closed breaker has to do."""
    timed, by_time = rules.slow_after is not None, rules.limits is not None and isinstance(rules.window, TimeWindow)
    if rules.failure_if is not None:
        return f"        _returned({period}, _result, {'_clock() - _began' if timed else '0.0'})"
    lines = "        _now = _clock()\n" if by_time else ""
    seconds = f"{'_now' if by_time else '_clock()'} - _began" if timed else "0.0"
    under_lock = [f"{seconds} >= _slow_after"] * timed + ["_now >= _window.ends"] * by_time
    if under_lock:
        lines += f"        if {' or '.join(under_lock)}:\n"
        lines += f"            _succeeded({period}, {seconds})\n            return _result\n"
    lines += _IN_A_ROW.format(period=period) if rules.threshold is not None else ""
    return lines + (_STEP if rules.limits is not None else "        _next(_successes)")


def guarded(machine: Machine, function: Callable[..., Any]) -> Callable[..., Any]:
    """The function behind the breaker, with its own name, signature and colour."""
    if isinstance(function, (classmethod, staticmethod)):
        return cast("Callable[..., Any]", type(function)(guarded(machine, function.__func__)))
    colour = colour_of(function)
    if colour is Colour.GENERATOR:
        made = _generator(machine, function)
    elif colour is Colour.ASYNC_GENERATOR:
        made = within(function, functools.partial(Permit, machine, timed=False))
    else:
        made = compiled(machine, is_async=colour is Colour.ASYNC, function=function)
    return functools.update_wrapper(made, function)


def _generator(machine: Machine, function: Callable[..., Any]) -> Callable[..., Any]:
    def guarded(*arguments: Any, **named: Any) -> Any:
        with Permit(machine, timed=False):  # how long it takes is up to whoever asks it for more
            return (yield from function(*arguments, **named))

    return guarded
