"""Routes of media: leave to play, ways in, clips, presence, and the hooks of other servers."""

from api.resources import clips, ingest_hooks, ingresses, livekit, playback, presence
from api.route_tables.access import OPTIONAL, PUBLIC, SECRET, SIGNATURE, STREAMER, USER
from api.routing import Area, Kind, Route
from api.schemas.hooks import MediaMtxCall, SrsCall
from api.schemas.lists import ListQuery
from services.clips import ClipDraft, ClipView, FollowedClip
from services.heartbeats import Heard, Heartbeat
from services.ingresses import IngressDraft, IngressView, Revoked
from services.playback_grants import PlaybackGrant, WantedStream

stream = Area("stream")
viewer = Area("viewer")
clip = Area("clips")
streams = Area("streams")
webhook = Area("webhook")
ingest = Area("ingest")

MEDIA: tuple[Route, ...] = (
    viewer.post(
        "/api/viewer/token",
        playback.ViewerToken,
        OPTIONAL,
        "Token to view a stream",
        body=WantedStream,
        reply=PlaybackGrant,
    ),
    stream.post(
        "/api/stream/creator-token",
        playback.CreatorToken,
        STREAMER,
        "Token to view my own stream",
        reply=PlaybackGrant,
    ),
    stream.post(
        "/api/stream/ingress",
        ingresses.Ingress,
        STREAMER,
        "Create my ingress (RTMP or WHIP) and return server URL and key",
        body=IngressDraft,
        reply=IngressView,
        status=201,
    ),
    stream.delete(
        "/api/stream/ingress",
        ingresses.Ingress,
        STREAMER,
        "Delete my ingress; a running publish is cut",
        reply=Revoked,
    ),
    clip.post(
        "/api/streams/{id}/clips",
        clips.StreamClips,
        USER,
        "Clip the last seconds (or a range) of a stream",
        body=ClipDraft,
        reply=FollowedClip,
        status=202,
    ),
    clip.get(
        "/api/streams/{id}/clips",
        clips.StreamClips,
        PUBLIC,
        "Clips of a stream",
        query=ListQuery,
        reply=ClipView,
        paged=True,
    ),
    clip.get("/api/streams/{id}/clips/{clip_id}", clips.StreamClip, OPTIONAL, "One clip", reply=ClipView),
    streams.post(
        "/api/streams/{id}/presence",
        presence.StreamPresence,
        OPTIONAL,
        "Say that a player without a socket still plays; every 10 s",
        body=Heartbeat,
        reply=Heard,
    ),
    webhook.post(
        "/api/webhook/livekit",
        livekit.LiveKitWebhooks,
        SIGNATURE,
        "LiveKit events: ingress and room state",
        kind=Kind.RAW,
        unlimited=True,
    ),
    ingest.post(
        "/api/ingest/nginx-rtmp/{event}",
        ingest_hooks.NginxRtmp,
        SECRET,
        "Publish hooks in nginx-rtmp's form",
        kind=Kind.FORM,
    ),
    ingest.post(
        "/api/ingest/mediamtx/{event}",
        ingest_hooks.MediaMtx,
        SECRET,
        "Publish hooks in MediaMTX's form",
        body=MediaMtxCall,
    ),
    ingest.post("/api/ingest/srs/{event}", ingest_hooks.Srs, SECRET, "Publish hooks in SRS's form", body=SrsCall),
)
