"""Every fault of requests and plexapi has a meaning of ours, and none of them tells the token."""

import inspect
from types import ModuleType
from xml.etree.ElementTree import ParseError

import plexapi.exceptions
import pytest
import requests.exceptions
from sync import errors
from sync.errors import SyncError
from sync.plex import STATUSES, PlexAddress, refused_status, translated

URL = "http://plex.example:32400"
TOKEN = "secret-token"

MEANINGS: dict[str, type[SyncError]] = {
    "BadRequest": errors.ServerFailedError,
    "ChunkedEncodingError": errors.ServerFailedError,
    "ConnectTimeout": errors.ServerUnreachableError,
    "ConnectionError": errors.ServerUnreachableError,
    "ContentDecodingError": errors.ServerFailedError,
    "HTTPError": errors.ServerFailedError,
    "InvalidHeader": errors.TokenRefusedError,
    "InvalidJSONError": errors.ServerFailedError,
    "InvalidProxyURL": errors.ServerUnreachableError,
    "InvalidSchema": errors.NotPlexError,
    "InvalidURL": errors.NotPlexError,
    "JSONDecodeError": errors.ServerFailedError,
    "MissingSchema": errors.NotPlexError,
    "NotFound": errors.ServerFailedError,
    "ParseError": errors.ServerFailedError,
    "PlexApiException": errors.ServerFailedError,
    "ProxyError": errors.ServerUnreachableError,
    "ReadTimeout": errors.ServerUnreachableError,
    "RequestException": errors.ServerFailedError,
    "RetryError": errors.ServerFailedError,
    "SSLError": errors.ServerUnreachableError,
    "StreamConsumedError": errors.ServerFailedError,
    "Timeout": errors.ServerUnreachableError,
    "TooManyRedirects": errors.NotPlexError,
    "TwoFactorRequired": errors.ServerFailedError,
    "URLRequired": errors.ServerFailedError,
    "Unauthorized": errors.ServerFailedError,
    "UnknownType": errors.ServerFailedError,
    "UnrewindableBodyError": errors.ServerFailedError,
    "Unsupported": errors.ServerFailedError,
}


def exceptions_of(module: ModuleType) -> dict[str, type[Exception]]:
    return {
        name: kind
        for name, kind in inspect.getmembers(module, inspect.isclass)
        if issubclass(kind, Exception)
        and not issubclass(kind, Warning)
        and kind.__module__ == module.__name__
    }


FOREIGN = {
    **exceptions_of(requests.exceptions),
    **exceptions_of(plexapi.exceptions),
    "ParseError": ParseError,
}


def made(kind: type[Exception]) -> Exception:
    text = f"request to /?X-Plex-Token={TOKEN} failed"
    return kind(text, TOKEN, 0) if kind.__name__ == "JSONDecodeError" else kind(text)


def test_the_list_of_foreign_faults_is_that_of_the_libraries() -> None:
    assert set(FOREIGN) == set(MEANINGS)


@pytest.mark.parametrize("name", sorted(MEANINGS))
def test_a_foreign_fault_means_what_it_should_and_hides_its_own_text(name: str) -> None:
    error = translated(made(FOREIGN[name]), URL)

    assert type(error) is MEANINGS[name]
    assert TOKEN not in str(error)
    assert "{" not in str(error)


@pytest.mark.parametrize(
    "status", [301, 307, 400, 401, 403, 404, 405, 416, 418, 429, 500, 502, 503, 504, 520, 599]
)
def test_every_status_that_is_no_success_has_a_sentence(status: int) -> None:
    error = refused_status(status, URL, retry_after="7")

    assert URL in str(error)
    assert "{" not in str(error)
    assert error.permanent == (status < 500 and status != 429)
    if status in STATUSES:
        assert type(error) is STATUSES[status][0]


def test_a_status_with_retry_after_says_how_long_to_wait() -> None:
    assert "wait 7 s" in str(refused_status(429, URL, retry_after="7"))
    assert "in a minute" in str(refused_status(503, URL, retry_after="Wed, 21 Oct 2026 07:28:00 GMT"))


def test_every_error_of_the_service_has_a_reason_that_the_contract_names() -> None:
    named = {
        "ANOTHER_SERVER",
        "ANOTHER_SONG_LIST",
        "ANOTHER_TRACK",
        "AUDIO_CUT_SHORT",
        "CONNECTION_LOCKED",
        "FOLDER_UNWRITABLE",
        "GENRES_CHANGED",
        "INVALID_REQUEST",
        "LIBRARY_NOT_FOUND",
        "NOT_A_PLEX_SERVER",
        "NOT_CONFIGURED",
        "NO_MEDIA",
        "SERVER_BUSY",
        "SERVER_ERROR",
        "SERVER_TOO_OLD",
        "SERVER_UNREACHABLE",
        "SHORT_PAGE",
        "SONG_LIST_NOT_FOUND",
        "TOKEN_NEEDED",
        "TOKEN_REFUSED",
        "TRACK_NOT_FOUND",
        "WRITE_NOT_TAKEN",
    }
    kinds = [
        kind for _, kind in inspect.getmembers(errors, inspect.isclass) if kind.__module__ == errors.__name__
    ]
    reasons = {kind.reason for kind in kinds if kind is not SyncError}

    assert reasons == named
    assert {kind.domain for kind in kinds} == {"reclass.sync"}


def test_an_address_does_not_show_its_token() -> None:
    assert TOKEN not in repr(PlexAddress(url=URL, token=TOKEN))
