"""How the admin looks and what its menu offers: the settings of django-unfold."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy


def _entry(title: str, icon: str, page: str) -> dict[str, Any]:
    """An entry of the menu, for those who may open its page."""
    return {
        "title": title,
        "icon": icon,
        "link": reverse_lazy(f"admin:{page}"),
        "permission": lambda request: page == "index" or may_open(request.user, page.replace("_", "/")),
    }


def may_open(user: Any, page: str) -> bool:
    """Whether a user may open a page of a model, by its address below the admin."""
    app, model, *rest = page.split("/")
    verbs = ("add",) if rest[:1] == ["add"] else ("view", "change")
    return any(user.has_perm(f"{app}.{verb}_{model}") for verb in verbs)


def without_closed_page(hint: Any, user: Any) -> Any:
    """A hint that has a page, without it where the user may not open that."""
    return hint if not hint.page or may_open(user, hint.page) else replace(hint, page="")


def _is_about(model: str, but: str) -> Callable[[HttpRequest], bool]:
    """Not on the page below theirs that has an entry of its own."""

    def is_it(request: HttpRequest) -> bool:
        name = request.resolver_match.url_name if request.resolver_match else None
        return bool(name and name.startswith(f"{model}_") and name != f"{model}_{but}")

    return is_it


def _script(name: str) -> Callable[[HttpRequest], str]:
    return lambda request: static(f"portal/{name}")


UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Music ReClass",
    "SITE_HEADER": "Music ReClass",
    "SITE_SUBHEADER": "The right genres",
    "SITE_SYMBOL": "graphic_eq",
    "SITE_URL": reverse_lazy("admin:index"),
    "SHOW_VIEW_ON_SITE": False,
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("portal/favicon.svg")}
    ],
    "STYLES": [lambda request: static("portal/portal.css")],
    "SCRIPTS": [
        _script("idiomorph.min.js"),
        _script("refresh.js"),
        _script("filters.js"),
        _script("player.js"),
        _script("judge.js"),
        _script("similar.js"),
    ],
    "LOGIN": {"form": "portal.pages.accounts.forms.LoginForm"},
    "DASHBOARD_CALLBACK": "portal.pages.dashboard.page.fill",
    "SIDEBAR": {
        "show_search": False,
        "show_all_applications": False,
        "navigation": [
            {
                "items": [
                    _entry("Dashboard", "dashboard", "index"),
                    {
                        **_entry("Songs", "music_note", "library_track_changelist"),
                        "active": _is_about("library_track", "judge"),
                    },
                    _entry("Judge songs", "headphones", "library_track_judge"),
                    _entry("Write batches", "edit_note", "ledger_writebatch_changelist"),
                    _entry("Runs", "play_circle", "runs_run_changelist"),
                ]
            },
            {
                "title": "Genres",
                "separator": True,
                "items": [
                    {
                        **_entry("Genres", "sell", "genres_genre_changelist"),
                        "active": _is_about("genres_genre", "readiness"),
                    },
                    _entry("Taught sets", "local_library", "teaching_taughtset_changelist"),
                    {
                        **_entry("Aliases", "alt_route", "genres_alias_changelist"),
                        "active": _is_about("genres_alias", "unmapped"),
                    },
                    _entry("Unknown tags", "question_mark", "genres_alias_unmapped"),
                    _entry("Tag votes", "lightbulb", "first_guess_tagvote_changelist"),
                    _entry("What can be learned", "school", "genres_genre_readiness"),
                    _entry("Models", "model_training", "registry_trainedmodel_changelist"),
                ],
            },
            {
                "title": "System",
                "separator": True,
                "items": [
                    {
                        **_entry("Settings", "settings", "preferences_changedsetting_changelist"),
                        "active": _is_about("preferences_changedsetting", "embeddings"),
                    },
                    _entry("Embeddings", "layers", "preferences_changedsetting_embeddings"),
                    _entry("Libraries", "library_music", "library_library_changelist"),
                    _entry("Users", "person", "auth_user_changelist"),
                    _entry("Groups", "group", "auth_group_changelist"),
                    _entry("Tokens", "key", "callers_callertoken_changelist"),
                ],
            },
        ],
    },
}
