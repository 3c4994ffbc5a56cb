"""Who has signed in before in a browser gets in there again, whatever strangers at the same address try meanwhile."""

import time
from collections.abc import Callable
from datetime import timedelta
from http.cookies import Morsel

import pytest
from django.contrib.auth.models import User
from django.core import signing
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from portal.accounts.device_cookies import LASTS, PREFIX
from portal.accounts.pause import FAILURES
from structlog.testing import capture_logs

PASSWORD = "correct horse battery"
NEW_PASSWORD = "another horse battery"
LET_IN, REFUSED, PAUSED = 302, 200, 429
# On one machine everybody comes from here.
ADDRESS = "127.0.0.1"


@pytest.fixture(autouse=True)
def owner(db: None) -> User:
    return User.objects.create_superuser("admin", password=PASSWORD)


def attempt(browser: Client, name: str = "admin", password: str = PASSWORD) -> HttpResponse:
    form = {"username": name, "password": password}
    return browser.post(reverse("admin:login"), form, REMOTE_ADDR=ADDRESS)


def fail(browser: Client, times: int = FAILURES, name: str = "admin") -> int:
    return [attempt(browser, name, "wrong").status_code for _ in range(times)][-1]


def known(name: str = "admin") -> Client:
    """A browser in which the account has signed in and out."""
    browser = Client()
    assert attempt(browser, name).status_code == LET_IN
    browser.post(reverse("admin:logout"))
    return browser


def cookie(browser: Client) -> Morsel[str]:
    (found,) = (morsel for name, morsel in browser.cookies.items() if name.startswith(PREFIX))
    return found


def test_a_stranger_at_the_same_address_does_not_keep_the_owner_out_of_a_known_browser() -> None:
    browser = known()
    assert fail(Client()) == PAUSED
    assert attempt(Client()).status_code == PAUSED, "without the cookie all is as it was"
    assert attempt(browser).status_code == LET_IN
    assert attempt(Client()).status_code == PAUSED, "and the owner's success opens nothing for strangers"


def test_nor_do_strangers_from_everywhere() -> None:
    browser = known()
    for number in range(50):
        form = {"username": "admin", "password": "wrong"}
        Client().post(reverse("admin:login"), form, REMOTE_ADDR=f"198.51.100.{number}")
    assert attempt(Client()).status_code == PAUSED
    assert attempt(browser).status_code == LET_IN


def test_a_known_browser_has_as_many_tries_of_its_own_and_no_more() -> None:
    browser = known()
    assert fail(browser, FAILURES - 1) == REFUSED
    assert attempt(browser).status_code == LET_IN, "and these are forgotten"
    assert fail(browser, FAILURES - 1) == REFUSED
    with capture_logs() as lines:
        assert fail(browser, 1) == PAUSED
    assert {line["address"] for line in lines if "address" in line} == {ADDRESS}
    answer = attempt(browser)
    assert answer.status_code == PAUSED
    assert "in this browser" in answer.content.decode()


def test_what_fails_in_one_known_browser_closes_neither_another_nor_the_address() -> None:
    one, other = known(), known()
    assert fail(one) == PAUSED
    assert attempt(other).status_code == LET_IN
    assert attempt(Client()).status_code == LET_IN
    for _ in range(10):
        fail(known())
    assert attempt(Client()).status_code == LET_IN, "nor are they added up for the account"


def test_the_wait_of_a_known_browser_is_not_lengthened_by_trying_on() -> None:
    from axes.models import AccessAttempt  # Django knows its models by now

    browser = known()
    fail(browser)
    before = AccessAttempt.objects.get()
    fail(browser)
    after = AccessAttempt.objects.get()
    assert (after.attempt_time, after.failures_since_start) == (
        before.attempt_time,
        before.failures_since_start,
    )


def test_the_cookie_of_another_account_is_no_advantage(owner: User) -> None:
    kim = User.objects.create_user("kim", password=PASSWORD, is_staff=True)
    browser = known("kim")
    browser.cookies[f"{PREFIX}{owner.pk}"] = cookie(browser).value
    assert f"{PREFIX}{kim.pk}" in browser.cookies
    assert fail(browser) == PAUSED
    assert attempt(Client()).status_code == PAUSED, "it was counted as a stranger's"
    assert attempt(browser).status_code == PAUSED


def test_two_people_of_one_browser_have_a_cookie_each() -> None:
    User.objects.create_user("kim", password=PASSWORD, is_staff=True)
    browser = known("kim")
    assert attempt(browser).status_code == LET_IN
    browser.post(reverse("admin:logout"))
    fail(Client())
    assert attempt(browser, "kim").status_code == LET_IN
    browser.post(reverse("admin:logout"))
    assert attempt(browser).status_code == LET_IN


SPOILED: dict[str, Callable[[str], str]] = {
    "empty": lambda value: "",
    "of a name alone": lambda value: value.split(":")[0],
    "of another name": lambda value: "x" + value[1:],
    "of another time": lambda value: ":".join(
        [value.split(":")[0], signing.b62_encode(4_000_000_000), value.split(":")[2]]
    ),
    "with another signature": lambda value: value[:-3] + ("AAA" if value[-3:] != "AAA" else "BBB"),
    "that nobody made": lambda value: "a:b:c",
    "in other letters": lambda value: "\xe9:\xe9:\xe9",
}


@pytest.mark.parametrize("spoil", SPOILED.values(), ids=SPOILED.keys())
def test_a_forged_cookie_is_no_advantage(spoil: Callable[[str], str]) -> None:
    browser = known()
    name = cookie(browser).key
    browser.cookies[name] = spoil(cookie(browser).value)
    assert fail(browser) == PAUSED
    assert attempt(Client()).status_code == PAUSED, "it was counted as a stranger's"
    assert attempt(browser).status_code == PAUSED


@pytest.mark.parametrize(("age", "status"), [(LASTS - timedelta(minutes=5), LET_IN), (LASTS, PAUSED)])
def test_an_expired_cookie_is_no_advantage(
    monkeypatch: pytest.MonkeyPatch, age: timedelta, status: int
) -> None:
    made = time.time() - age.total_seconds() - 1
    with monkeypatch.context() as clock:
        clock.setattr("django.core.signing.time.time", lambda: made)
        browser = known()
    fail(Client())
    assert attempt(browser).status_code == status


def test_a_new_password_makes_the_cookie_void(owner: User) -> None:
    browser = known()
    owner.set_password(NEW_PASSWORD)
    owner.save()
    fail(Client())
    assert attempt(browser, password=NEW_PASSWORD).status_code == PAUSED


@pytest.mark.parametrize("how", ["deleted", "closed"])
def test_the_cookie_of_an_account_that_is_no_more_is_no_advantage(owner: User, how: str) -> None:
    browser = known()
    if how == "deleted":
        owner.delete()
    else:
        owner.is_active = False
        owner.save()
    assert fail(browser) == PAUSED
    User.objects.create_user("kim", password=PASSWORD, is_staff=True)
    assert attempt(Client(), "kim").status_code == PAUSED, "it was counted as a stranger's"
    if how == "deleted":
        User.objects.create_superuser("admin", password=PASSWORD)
        assert attempt(browser).status_code == PAUSED, "nor for one that has its name"


def test_who_names_a_browser_as_known_ones_are_named_is_a_stranger() -> None:
    browser = known()
    name = cookie(browser).value.split(":")[0]
    form = {"username": "admin", "password": "wrong"}
    for _ in range(FAILURES):
        Client().post(reverse("admin:login"), form, REMOTE_ADDR="100::1", headers={"User-Agent": name})
    assert attempt(browser).status_code == LET_IN


@pytest.mark.parametrize("tls", [False, True])
def test_scripts_do_not_see_the_cookie_and_other_sites_do_not_send_it(tls: bool) -> None:
    browser = Client()
    form = {"username": "admin", "password": PASSWORD}
    answer = browser.post(reverse("admin:login"), form, secure=tls)
    (found,) = (morsel for name, morsel in answer.cookies.items() if name.startswith(PREFIX))
    assert (found["httponly"], found["samesite"], bool(found["secure"])) == (True, "Lax", tls)
    assert found["path"] == reverse("admin:login")
    assert timedelta(seconds=found["max-age"]) == LASTS
    assert "admin" not in found.value
    assert PASSWORD not in found.value


def test_a_login_that_fails_gives_no_cookie_and_each_that_succeeds_a_new_one() -> None:
    browser = Client()
    fail(browser, 1)
    assert not [name for name in browser.cookies if name.startswith(PREFIX)]
    attempt(browser)
    first = cookie(browser).value
    attempt(browser)
    assert cookie(browser).value.split(":")[0] != first.split(":")[0]
