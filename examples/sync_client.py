"""The genre of one audio file: python sync_client.py song.mp3

RECLASS_TARGET is the service's host:port, RECLASS_TOKEN its token.
"""

import os
import sys

from reclass_client import Client, ReclassError


def main(file: str) -> None:
    with Client(os.environ.get("RECLASS_TARGET", "127.0.0.1:50053")) as reclass:
        try:
            song = reclass.classify(file=file)
        except ReclassError as error:
            sys.exit(f"{error.reason}: {error}")
        print(f"{song.summary}  ({song.outcome.value})")
        for verdict in song.stages:
            ranking = ", ".join(f"{score.genre} {score.probability:.0%}" for score in verdict.top)
            print(f"  stage {verdict.stage}: {ranking}")
        # Kept and sent instead of the file, the vectors save listening the next time.
        print(f"again, from vectors: {reclass.classify(vectors=song.vectors).summary}")


if __name__ == "__main__":
    main(sys.argv[1])
