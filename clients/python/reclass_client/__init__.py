"""Asks Music ReClass for the genres of songs, over gRPC.

with Client("127.0.0.1:50053") as reclass:
    print(reclass.classify(file="song.mp3").genre)
"""

from reclass_client.aio import AsyncClient
from reclass_client.client import Client
from reclass_client.errors import (
    AudioNotFoundError,
    ContentTooLargeError,
    FileUnreadableError,
    InvalidRequestError,
    LimitExceededError,
    ModelUnknownError,
    NotAllowedError,
    NotPossibleError,
    ReclassError,
    TimedOutError,
    TokenRefusedError,
    TooManyCallsError,
    UnavailableError,
)
from reclass_client.models import (
    Comparison,
    GenreFigures,
    HeldOut,
    Model,
    ModelReport,
    ModelState,
    Picture,
    StageFigures,
    VoteFigures,
)
from reclass_client.songs import Options, Song
from reclass_client.values import (
    Answer,
    AudioFacts,
    Classification,
    GenreScore,
    Limits,
    Outcome,
    StageState,
    StageVerdict,
    Status,
    Vector,
)

__all__ = [
    "Answer",
    "AsyncClient",
    "AudioFacts",
    "AudioNotFoundError",
    "Classification",
    "Client",
    "Comparison",
    "ContentTooLargeError",
    "FileUnreadableError",
    "GenreFigures",
    "GenreScore",
    "HeldOut",
    "InvalidRequestError",
    "LimitExceededError",
    "Limits",
    "Model",
    "ModelReport",
    "ModelState",
    "ModelUnknownError",
    "NotAllowedError",
    "NotPossibleError",
    "Options",
    "Outcome",
    "Picture",
    "ReclassError",
    "Song",
    "StageFigures",
    "StageState",
    "StageVerdict",
    "Status",
    "TimedOutError",
    "TokenRefusedError",
    "TooManyCallsError",
    "UnavailableError",
    "Vector",
    "VoteFigures",
]
