"""Tokens of other programs: made and revoked on a page and by the command, and handed over to inference."""

import html
import json
import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
import typer
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.core.exceptions import ValidationError
from django.test import Client
from inference.rpc.callers import Callers
from inference.rpc.messages import callers_from
from portal.callers import telling, tokens
from portal.callers.models import CallerToken
from portal.callers.telling import Telling
from portal.commands import tokens as command
from portal.configuration import PortalSettings
from portal.remote.callers import TIMEOUT_SECONDS
from reclass.inference.v1 import inference_pb2, inference_pb2_grpc
from runtime.rights import Role, fingerprint
from runtime.server import Server
from runtime.testing import running_server
from typer.testing import CliRunner, Result
from waiting import until

pytestmark = pytest.mark.usefixtures("db")
INFERENCE = "reclass.inference.v1.InferenceService"
PAGE = "/admin/callers/callertoken/"


class Inference(inference_pb2_grpc.InferenceServiceServicer):
    """Keeps who may call, as the real service does."""

    def __init__(self) -> None:
        self.callers = Callers(None)

    def SetCallers(self, request: Any, context: Any) -> inference_pb2.SetCallersResponse:
        return inference_pb2.SetCallersResponse(changed=self.callers.take(callers_from(request)))


def registering(servicer: Inference) -> Callable[[Any], None]:
    return partial(inference_pb2_grpc.add_InferenceServiceServicer_to_server, servicer)


@pytest.fixture
def inference(monkeypatch: pytest.MonkeyPatch) -> Iterator[Inference]:
    servicer = Inference()
    with running_server({INFERENCE: registering(servicer)}) as server:
        monkeypatch.setenv("PORTAL_INFERENCE_TARGET", f"127.0.0.1:{server.port}")
        yield servicer


def role(inference: Inference, token: str) -> Role | None:
    return inference.callers.role_of(fingerprint(token))


def shown_token(answer: Any) -> str:
    found = re.search(r'<code id="token"[^>]*>([^<]+)</code>', answer.content.decode())
    assert found
    return found[1]


def test_a_token_made_on_the_page_is_shown_once_and_calls_until_it_is_revoked(
    admin_client: Client, inference: Inference
) -> None:
    answer = admin_client.post(f"{PAGE}add/", {"name": "radio", "role": "caller"})
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    token = shown_token(answer)
    assert len(token) > 40
    assert role(inference, token) is Role.CALLER
    page = admin_client.get(PAGE).content.decode()
    assert "radio" in page
    assert token not in page

    caller = CallerToken.objects.get()
    assert (caller.made_by, caller.fingerprint) == ("admin", fingerprint(token))
    chosen = {"action": "revoke_chosen", "_selected_action": [caller.pk]}
    assert "Revoked: radio." in html.unescape(admin_client.post(PAGE, chosen, follow=True).content.decode())
    assert role(inference, token) is None
    flags = LogEntry.objects.order_by("action_time").values_list("action_flag", "change_message")
    assert [flag for flag, _ in flags] == [1, 2]
    assert not any(token in message for _, message in flags)


def test_a_name_in_use_is_refused_in_a_sentence_and_free_once_revoked(
    admin_client: Client, inference: Inference
) -> None:
    tokens.make("radio", "caller", by="test")
    answer = admin_client.post(f"{PAGE}add/", {"name": "radio", "role": "operator"})
    assert "A token named “radio” is in use" in html.unescape(answer.content.decode())
    with pytest.raises(ValidationError, match="is in use"):
        tokens.make("radio", "caller", by="test")
    tokens.revoke(tokens.named("radio"), by="test")
    again = admin_client.post(f"{PAGE}add/", {"name": "radio", "role": "operator"})
    assert role(inference, shown_token(again)) is Role.OPERATOR


def test_who_may_only_look_makes_and_revokes_none(
    client: Client, django_user_model: Any, inference: Inference
) -> None:
    reader = django_user_model.objects.create_user("reader", password="x", is_staff=True)
    reader.user_permissions.add(Permission.objects.get(codename="view_callertoken"))
    tokens.make("radio", "caller", by="test")
    client.force_login(reader)
    assert client.get(PAGE).status_code == 200
    assert client.post(f"{PAGE}add/", {"name": "mine", "role": "operator"}).status_code == 403
    client.post(PAGE, {"action": "revoke_chosen", "_selected_action": [CallerToken.objects.get().pk]})
    assert list(CallerToken.objects.values_list("name", "revoked_time")) == [("radio", None)]


def test_where_inference_is_away_the_page_says_when_the_token_will_be_known(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PORTAL_INFERENCE_TARGET", "127.0.0.1:1")
    answer = admin_client.post(f"{PAGE}add/", {"name": "radio", "role": "caller"})
    assert "within ten seconds of its return" in answer.content.decode()


@pytest.mark.django_db(transaction=True)
def test_a_revocation_that_was_missed_acts_once_inference_is_back(unused_port: int) -> None:
    target = PortalSettings(inference_target=f"127.0.0.1:{unused_port}")
    token = tokens.make("radio", "caller", by="test")
    kept = Inference()
    kept.callers.take({fingerprint("of-another-time"): Role.OPERATOR, fingerprint(token): Role.CALLER})
    tokens.revoke(tokens.named("radio"), by="test")
    with Telling(target, every_seconds=0.1):
        server = Server(services={INFERENCE: registering(kept)}, port=unused_port)
        server.start()
        until(lambda: role(kept, token) is None)
        assert role(kept, "of-another-time") is None
        kept.callers.take({fingerprint("of-another-time"): Role.OPERATOR})
        until(lambda: role(kept, "of-another-time") is None)
        server.stop(1)


def test_the_list_of_tokens_is_in_the_menu(admin_client: Client) -> None:
    assert PAGE in admin_client.get("/admin/").content.decode()


@pytest.fixture
def reclass(inference: Inference, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """A `reclass tokens` command."""
    monkeypatch.setenv("PORTAL_DATABASE_URL", "postgresql://is-not-asked-for")
    app = typer.Typer()
    command.register(app)
    return lambda *words: CliRunner(env={"COLUMNS": "80"}).invoke(app, ["tokens", *words])


def test_the_command_makes_lists_and_revokes_tokens(
    reclass: Callable[..., Result], inference: Inference
) -> None:
    made = reclass("make", "radio", "--role", "operator")
    assert (made.exit_code, made.stderr) == (0, "")
    token = made.stdout.strip()
    assert role(inference, token) is Role.OPERATOR
    (row,) = json.loads(reclass("list", "--json").stdout)
    assert (row["name"], row["role"], row["revoked"]) == ("radio", "operator", None)
    assert token not in reclass("list").stdout
    assert reclass("revoke", "radio").exit_code == 0
    assert role(inference, token) is None
    (row,) = json.loads(reclass("list", "--json").stdout)
    assert row["revoked"]
    assert "reclass tokens" in row["revoked_by"]


def test_the_longest_name_is_whole_in_the_list(reclass: Callable[..., Result]) -> None:
    assert reclass("make", "x" * 60).exit_code == 0
    assert reclass("list").stdout.count("x") == 60, "by its name it is revoked"


@pytest.mark.parametrize("name", ["", "  ", "line\nbreak", "-x\t", "x" * 61])
def test_the_command_refuses_a_name_that_is_none(reclass: Callable[..., Result], name: str) -> None:
    done = reclass("make", "--", name)
    assert done.exit_code == 1
    assert done.stdout == ""
    assert done.stderr.startswith("reclass: ")
    assert not CallerToken.objects.exists()


def test_the_command_says_whose_token_it_does_not_find(reclass: Callable[..., Result]) -> None:
    done = reclass("revoke", "radio")
    assert done.exit_code == 1
    assert "no valid token is named “radio”" in done.stderr


def test_a_revocation_acts_within_ten_seconds() -> None:
    assert telling.EVERY_SECONDS + TIMEOUT_SECONDS < 10
