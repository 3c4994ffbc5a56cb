"""Asks Music ReClass for the genre of an audio file over gRPC, by path or by bytes.

    python classify.py --target 127.0.0.1:50053 --path "/data/music/Some Artist/Some Song.mp3"
    python classify.py --target 127.0.0.1:50053 --bytes "Some Song.mp3"

A path is read by the server, so it must lie in a folder that its features service may read. Bytes are sent.
RECLASS_TARGET and RECLASS_TOKEN stand in for --target and --token.
"""

import argparse
import os
import re
import sys
from pathlib import Path

import grpc
from reclass.features.v1 import features_pb2
from reclass.inference.v1 import inference_pb2, inference_pb2_grpc


def main() -> int:
    parser = argparse.ArgumentParser(description="The genre of an audio file, from its sound.")
    parser.add_argument(
        "--target",
        default=os.environ.get("RECLASS_TARGET", "127.0.0.1:50053"),
        help="host:port of the inference service (%(default)s)",
    )
    parser.add_argument(
        "--token", default=os.environ.get("RECLASS_TOKEN", ""), help="where the service asks for one"
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--path", help="a file as the server names it")
    source.add_argument("--bytes", type=Path, dest="file", help="a file of this machine, sent to the server")
    options = parser.parse_args()
    if not re.fullmatch(r"[^\s/]+:\d+", options.target):
        parser.error(f"the target is {options.target!r}; it must be host:port, as 127.0.0.1:50053")
    if not re.fullmatch("[!-~]*", options.token):
        parser.error("the token must be one word of plain characters, without a line break")
    try:
        audio = audio_of(options)
    except (OSError, ValueError) as error:  # ValueError: a name that is no text
        parser.error(str(error))
    try:
        answer = ask(options.target, options.token, audio)
    except grpc.RpcError as error:
        print(f"{error.code().name}: {error.details()}", file=sys.stderr)
        return 1
    show(answer)
    return 0


def audio_of(options: argparse.Namespace) -> features_pb2.AudioReference:
    if options.path:
        return features_pb2.AudioReference(path=options.path)
    return features_pb2.AudioReference(content=options.file.read_bytes())


def ask(target: str, token: str, audio: features_pb2.AudioReference) -> inference_pb2.ClassifyTrackResponse:
    options = [
        ("grpc.max_send_message_length", 80 * 1024 * 1024),  # a whole file travels in one message
        ("grpc.enable_http_proxy", 0),  # one that the environment names does not know the way
    ]
    metadata = [("authorization", f"Bearer {token}")] if token else []
    with grpc.insecure_channel(target, options=options) as channel:
        service = inference_pb2_grpc.InferenceServiceStub(channel)
        request = inference_pb2.ClassifyTrackRequest(audio=audio)
        return service.ClassifyTrack(request, timeout=120, metadata=metadata)


def show(answer: inference_pb2.ClassifyTrackResponse) -> None:
    if answer.outcome == inference_pb2.OUTCOME_NO_MODEL:
        print(f"analysed, but no model is trained yet; {len(answer.vectors)} vectors came back")
        return
    print(f"{worth(answer)}  ({answer.model_version}, stage {answer.deciding_stage})")
    for verdict in answer.verdicts:
        ranking = ", ".join(f"{score.genre} {score.probability:.0%}" for score in verdict.top)
        print(f"  stage {verdict.stage}: {ranking}")


def worth(answer: inference_pb2.ClassifyTrackResponse) -> str:
    """The genre with what it is worth, without which it must not be shown."""
    if answer.outcome == inference_pb2.OUTCOME_OUT_OF_DISTRIBUTION:
        return f"unlike the songs of the training; at a guess {answer.genre}"
    said = f"{answer.genre}  {answer.confidence:.0%}"
    if answer.outcome == inference_pb2.OUTCOME_PROVISIONAL:
        return f"{said}  provisional: {answer.provisional_reason}"
    return said


if __name__ == "__main__":
    sys.exit(main())
