"""The genre of one audio file: python sync_client.py song.mp3

RECLASS_TARGET is the service's host:port, RECLASS_TOKEN its token.
"""

import argparse
import os
import sys

from reclass_client import Client, ReclassError


def main() -> None:
    parser = argparse.ArgumentParser(description="The genre of one audio file.")
    parser.add_argument("file", help="a file of this machine; it is sent")
    options = parser.parse_args()
    try:
        with Client(os.environ.get("RECLASS_TARGET", "127.0.0.1:50053")) as reclass:
            show(reclass, options.file)
    except ReclassError as error:
        sys.exit(f"{error.reason}: {error}")


def show(reclass: Client, file: str) -> None:
    song = reclass.classify(file=file)
    print(f"{song.summary}  ({song.outcome.value})")
    for verdict in song.stages:
        ranking = ", ".join(f"{score.genre} {score.probability:.0%}" for score in verdict.top)
        print(f"  stage {verdict.stage}: {ranking}")
    # Kept and sent instead of the file, the vectors save the extraction the next time.
    print(f"again, from vectors: {reclass.classify(vectors=song.vectors).summary}")


if __name__ == "__main__":
    main()
