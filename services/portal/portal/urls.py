"""Addresses of the portal's pages."""

from typing import Any

from django.contrib import admin
from django.core.paginator import InvalidPage
from django.db import connection
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path
from django.views.generic import RedirectView

from portal.pages.figures import metrics

handler400 = "portal.pages.fault_pages.bad_request"
handler403 = "portal.pages.fault_pages.permission_denied"
handler404 = "portal.pages.fault_pages.page_not_found"
handler500 = "portal.pages.fault_pages.server_error"


def livez(request: HttpRequest) -> HttpResponse:
    """200 when the process answers: nothing that a restart would not cure is asked, the database least of all."""
    return HttpResponse("ok\n", content_type="text/plain")


def healthz(request: HttpRequest) -> HttpResponse:
    """200 when pages and the database answer; without the database the answer is 503."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return HttpResponse("ok\n", content_type="text/plain")


def search(request: HttpRequest) -> HttpResponse:
    """The theme's, behind Ctrl-K, which takes any number of a page for one that there is."""
    site: Any = admin.site
    try:
        answer: HttpResponse = site.admin_view(site.search)(request)
    except InvalidPage as error:
        raise Http404 from error
    return answer


urlpatterns = [
    path("livez", livez),
    path("healthz", healthz),
    path("metrics", metrics),
    path("admin/search/", search),
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/", admin.site.urls),
]
