"""The views of the site on Django, for tests/perf/http/watched.py."""

from django.http import HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import include, path, re_path
from django.views import View
from django.views.decorators.http import require_GET

from perf.http.watched import Boom, achunks, chunks, later

clock = None


class Late(HttpResponse):
    """Works when it has been sent."""

    def close(self):
        super().close()
        later(clock)


@require_GET
def item(request, number):
    return JsonResponse({"number": number})


def boom(request):
    raise Boom


def _streamed(request, **options):
    return StreamingHttpResponse((achunks if hasattr(request, "scope") else chunks)(clock, **options))


def stream(request):
    return _streamed(request)


def broken(request):
    return _streamed(request, broken=True)


def background(request, **named):
    return Late("x")


class Order(View):
    def get(self, request, **named):
        return HttpResponse("x")

    def put(self, request, **named):
        return HttpResponse("x")


urlpatterns = [
    path("api/", include([path("v1/", include([
        path("items/<int:number>", item),
        path("boom", boom),
        path("stream", stream),
        path("broken", broken),
        path("later", background),
    ]))])),
    path("slashed/<slug:name>/", background),
    re_path(r"^orders/(?P<number>[0-9]{4,}(?:-[a-z]+)?)/lines/(\d+)/$", Order.as_view()),
]  # fmt: skip
