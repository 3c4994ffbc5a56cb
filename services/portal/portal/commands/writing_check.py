"""The check of `reclass doctor --write-test`."""

from portal.commands.findings import Finding, UnwellError, finding
from portal.remote.services import Services
from portal.writing.write_test import WriteTestError, write_test


def writing(services: Services) -> Finding:
    """Write a genre to one track, read it back, and put back what was there."""

    def check() -> str:
        try:
            return write_test(services.sync)
        except WriteTestError as error:
            raise UnwellError(str(error)) from error

    return finding("writing", check)
