"""The genres of a few songs side by side, with asyncio: python async_client.py /music/a.mp3 /music/b.flac

The paths are as the service or Plex names them. RECLASS_TARGET is the service's host:port, RECLASS_TOKEN its token.
"""

import asyncio
import os
import sys

from reclass_client import AsyncClient, ReclassError


async def main(paths: list[str]) -> None:
    async with AsyncClient(os.environ.get("RECLASS_TARGET", "127.0.0.1:50053")) as reclass:
        songs = await asyncio.gather(*(reclass.classify(path=path) for path in paths), return_exceptions=True)
    for path, song in zip(paths, songs, strict=True):
        if isinstance(song, ReclassError):
            print(f"{path}: {song.reason}: {song}")
        elif isinstance(song, BaseException):
            raise song
        else:
            print(f"{path}: {song.summary}")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
