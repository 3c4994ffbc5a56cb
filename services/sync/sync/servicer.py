"""The gRPC face of the service: converts, calls, converts."""

from collections.abc import Iterator

import grpc
from reclass.sync.v1 import sync_pb2 as pb
from reclass.sync.v1 import sync_pb2_grpc
from runtime.messages import message_of

from sync import convert
from sync.audio import AudioHeader, ByteSpan
from sync.connection import Connection, Parts
from sync.library import PlexMusic

SERVICE_NAME = "reclass.sync.v1.SyncService"


class SyncServicer(sync_pb2_grpc.SyncServiceServicer):
    """Answers calls of the contract from one Plex server."""

    def __init__(self, music: PlexMusic, connection: Connection | None = None) -> None:
        self._music = music
        self._connection = connection or Connection(Parts(), None)

    def register(self, server: grpc.Server) -> None:
        """Add this servicer to a server."""
        sync_pb2_grpc.add_SyncServiceServicer_to_server(self, server)

    def CheckServer(
        self, request: pb.CheckServerRequest, context: grpc.ServicerContext
    ) -> pb.CheckServerResponse:
        return convert.server_message(self._music.check_server())

    def ListLibraries(
        self, request: pb.ListLibrariesRequest, context: grpc.ServicerContext
    ) -> pb.ListLibrariesResponse:
        libraries = self._music.libraries()
        counted = [convert.library_message(each, self._music.track_count(each.key)) for each in libraries]
        return pb.ListLibrariesResponse(libraries=counted)

    def ListTracks(
        self, request: pb.ListTracksRequest, context: grpc.ServicerContext
    ) -> pb.ListTracksResponse:
        page = self._music.page(request.library_key, request.page_size, request.page_token)
        return pb.ListTracksResponse(
            tracks=[convert.listed_track(track) for track in page.tracks],
            next_page_token=page.next_token,
            total_size=page.total_size,
            skipped=map(convert.skipped_message, page.skipped),
        )

    def GetTracks(self, request: pb.GetTracksRequest, context: grpc.ServicerContext) -> pb.GetTracksResponse:
        tracks, missing, unreadable = self._music.tracks(request.rating_keys)
        return pb.GetTracksResponse(
            tracks=[convert.full_track(track) for track in tracks],
            missing_rating_keys=missing,
            unreadable_rating_keys=unreadable,
        )

    def ListPlaylists(
        self, request: pb.ListPlaylistsRequest, context: grpc.ServicerContext
    ) -> pb.ListPlaylistsResponse:
        page = self._music.song_lists.playlists(request.page_size, request.page_token)
        return pb.ListPlaylistsResponse(
            playlists=map(convert.song_list_message, page.lists), next_page_token=page.next_token
        )

    def ListCollections(
        self, request: pb.ListCollectionsRequest, context: grpc.ServicerContext
    ) -> pb.ListCollectionsResponse:
        page = self._music.collections(request.library_key, request.page_size, request.page_token)
        return pb.ListCollectionsResponse(
            collections=map(convert.song_list_message, page.lists), next_page_token=page.next_token
        )

    def ListMembers(
        self, request: pb.ListMembersRequest, context: grpc.ServicerContext
    ) -> pb.ListMembersResponse:
        expected = convert.list_identity_of(request.expected) if request.HasField("expected") else None
        asked = (request.page_size, request.page_token, expected)
        if request.WhichOneof("list") == "collection_key":
            page = self._music.song_lists.collection_members(request.collection_key, *asked)
        else:
            page = self._music.song_lists.playlist_members(request.playlist_key, *asked)
        return pb.ListMembersResponse(
            tracks=map(convert.listed_track, page.tracks),
            next_page_token=page.next_token,
            song_list=convert.song_list_message(page.song_list),
        )

    def ReadAudio(
        self, request: pb.ReadAudioRequest, context: grpc.ServicerContext
    ) -> Iterator[pb.ReadAudioResponse]:
        meant = convert.identity_of(request.track) if request.HasField("track") else None
        span = ByteSpan(offset=request.offset, length=request.length)
        for item in self._music.read_audio(request.rating_key, request.part_key, span, meant):
            if isinstance(item, AudioHeader):
                yield pb.ReadAudioResponse(header=message_of(pb.AudioHeader, item))
            else:
                yield pb.ReadAudioResponse(data=item)

    def WriteGenres(
        self, request: pb.WriteGenresRequest, context: grpc.ServicerContext
    ) -> pb.WriteGenresResponse:
        before, after, changed = self._music.write_genres(
            request.rating_key,
            request.genres,
            locked=convert.lock_of(request.lock),
            expected=convert.state_of(request.expected) if request.HasField("expected") else None,
            meant=convert.identity_of(request.track) if request.HasField("track") else None,
        )
        return pb.WriteGenresResponse(
            before=convert.state_message(before), after=convert.state_message(after), changed=changed
        )

    def SetConnection(
        self, request: pb.SetConnectionRequest, context: grpc.ServicerContext
    ) -> pb.SetConnectionResponse:
        address = self._connection.candidate(url=request.url.strip(), token=request.token.strip())
        server = self._music.check_server(address)
        if context.is_active():
            # A caller who has given up was told that everything stays as it was.
            self._connection.keep(address)
        return pb.SetConnectionResponse(server=convert.server_message(server))

    def GetConnection(
        self, request: pb.GetConnectionRequest, context: grpc.ServicerContext
    ) -> pb.GetConnectionResponse:
        url, token = self._connection.sources()
        return pb.GetConnectionResponse(
            url_source=convert.source_number(url),
            token_source=convert.source_number(token),
            trouble=self._connection.trouble(),
        )
