"""nginx.conf: the application behind its load balancer, and the pages when they are files."""

from __future__ import annotations

from collections.abc import Iterable

from mestres_perf._kernel.web import CONTENT_TYPE_OPTIONS, FRAME_OPTIONS, HASHED_NAME
from mestres_perf.assets._settings import Settings, seconds_per_request
from mestres_perf.assets._template import fill

_LOGIN_PATH = "/api/v1/auth/login"


def nginx_conf(settings: Settings) -> str:
    """The text of a whole nginx.conf."""
    spa = settings.pages == "spa"
    names = settings.api_names if spa else settings.api_names + settings.web_names
    run = settings.run_folder
    return fill(
        "nginx.conf.template",
        {
            "frame_options": FRAME_OPTIONS,
            "content_type_options": CONTENT_TYPE_OPTIONS,
            "hashed_name": HASHED_NAME,
            "port": settings.port,
            "application_names": " ".join(names),
            "upstreams": _lines(8, (f"server {one} max_fails=3 fail_timeout=30s;" for one in settings.upstreams)),
            "api_rate": settings.api_rate,
            "api_burst": settings.api_burst,
            "api_wait": seconds_per_request(settings.api_rate),
            "login_path": _LOGIN_PATH,
            "login_rate": settings.login_rate,
            "login_burst": settings.login_burst,
            "login_wait": seconds_per_request(settings.login_rate),
            "private_networks": _lines(12, (f"allow {network};" for network in settings.private_networks)),
            "web_server": _web_server(settings) if spa else "",
            "run_folder_main": _run_main(run) if run else "",
            "run_folder_http": _run_http(run) if run else "",
        },
    )


def _web_server(settings: Settings) -> str:
    return fill(
        "nginx_web_server.template",
        {"port": settings.port, "web_names": " ".join(settings.web_names), "static_root": settings.static_root},
    )


def _run_main(folder: str) -> str:
    return f"pid {folder}/nginx.pid;\nerror_log {folder}/error.log;\n"


def _run_http(folder: str) -> str:
    kinds = ("client_body", "proxy", "fastcgi", "scgi", "uwsgi")
    temporary = (f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    return "\n" + _lines(4, [f"access_log {folder}/access.log;", *temporary]) + "\n"


def _lines(indent: int, lines: Iterable[str]) -> str:
    return "\n".join(" " * indent + line for line in lines)
