"""Routes of streams: lists, one stream, and what its streamer sets."""

from api.resources import catalogue, channels, streams
from api.route_tables.access import OPTIONAL, OWNER, PUBLIC, STREAMER
from api.routing import Area, Route
from api.schemas.forms import StreamForm
from api.schemas.lists import ListQuery, LiveQuery
from services.categories import CategoryView, TagView
from services.channels import StreamKey
from services.rooms import ChatSettings, ChatSettingsPatch
from services.stream_metadata import StreamDraft, StreamPatch
from services.stream_status import StreamStatus
from services.streams import StreamView

data = Area("data")
stream_area = Area("streams")
stream = Area("stream")
viewer = Area("viewer")

STREAMS: tuple[Route, ...] = (
    stream_area.get(
        "/api/streams",
        streams.LiveStreams,
        PUBLIC,
        "Live streams; filter by category, tag, language; sort by viewers or recency",
        query=LiveQuery,
        reply=StreamView,
        paged=True,
        also=("/api/viewer/live",),
    ),
    stream_area.post(
        "/api/streams",
        streams.LiveStreams,
        STREAMER,
        "Create a stream; as a form with a picture, or in JSON",
        body=StreamDraft,
        form=StreamForm,
        reply=StreamView,
        status=201,
        also=("/api/stream/create",),
    ),
    stream_area.get("/api/streams/{id}", streams.Stream, OPTIONAL, "One stream", reply=StreamView),
    stream_area.patch("/api/streams/{id}", streams.Stream, OWNER, "Edit a stream", body=StreamPatch, reply=StreamView),
    stream_area.delete("/api/streams/{id}", streams.Stream, OWNER, "End a stream", reply=StreamView),
    stream.get("/api/stream/info", streams.MyStream, STREAMER, "My stream's metadata", reply=StreamView),
    stream.put(
        "/api/stream/info",
        streams.MyStream,
        STREAMER,
        "Replace my stream's metadata",
        body=StreamDraft,
        reply=StreamView,
    ),
    stream.get(
        "/api/stream/past",
        streams.PastStreams,
        STREAMER,
        "My ended streams with recordings",
        query=ListQuery,
        reply=StreamView,
        paged=True,
    ),
    stream.get(
        "/api/stream/status",
        streams.StreamStatus,
        STREAMER,
        "Live status: bitrate, size, viewers, health",
        reply=StreamStatus,
    ),
    stream.put(
        "/api/stream/chat-settings",
        streams.ChatSettings,
        STREAMER,
        "Slow mode, followers-only, subscribers-only, links, blocked words",
        body=ChatSettingsPatch,
        reply=ChatSettings,
    ),
    stream.get("/api/stream/credentials", channels.StreamKey, STREAMER, "Server URL and stream key", reply=StreamKey),
    viewer.get(
        "/api/viewer/stream/{username}",
        streams.StreamOfStreamer,
        OPTIONAL,
        "A streamer's stream by username",
        reply=StreamView,
    ),
    data.get(
        "/api/data/streams/details/{nickname}",
        streams.StreamDetails,
        PUBLIC,
        "A streamer's current or last stream",
        reply=StreamView,
    ),
    data.get(
        "/api/data/games",
        catalogue.Categories,
        PUBLIC,
        "All categories (games) with their tags",
        reply=list[CategoryView],
        also=("/api/categories",),
    ),
    data.get("/api/data/tags", catalogue.Tags, PUBLIC, "All tags", reply=list[TagView]),
)
