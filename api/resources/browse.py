"""Streams to browse over HTTP: everything, search, those of people one follows, recommendations."""

import falcon

from api.replies import cacheable, ok, page
from api.requests import Request, actor, parse_query, shaped
from api.schemas.lists import ListQuery
from api.schemas.social import AllStreamsQuery, SearchQuery, StreamSearchQuery
from services import search, stream_lists
from services.streams import Filter


class AllStreams:
    """Streams of any state, those on air first."""

    def on_get(self, req: Request, resp: falcon.Response) -> None:
        wanted = parse_query(req, AllStreamsQuery)
        shown = Filter(category=wanted.category, tag=wanted.tag, language=wanted.language, q=wanted.q)
        cacheable(resp, 1)
        page(resp, stream_lists.all_streams(shown, wanted.limit, wanted.cursor))


class StreamsOfUser:
    """A person's streams."""

    def on_get(self, req: Request, resp: falcon.Response, id: str) -> None:
        wanted = parse_query(req, ListQuery)
        cacheable(resp, 1)
        page(resp, stream_lists.streams_of_user(id, wanted.limit, wanted.cursor))


class FollowedStreams:
    """Streams of those I follow."""

    def on_get(self, req: Request, resp: falcon.Response) -> None:
        wanted = parse_query(req, ListQuery)
        page(resp, stream_lists.followed_streams(actor(req), wanted.limit, wanted.cursor))


class RecommendedStreams:
    """Streams on air that somebody might like."""

    def on_get(self, req: Request, resp: falcon.Response) -> None:
        wanted = parse_query(req, ListQuery)
        page(resp, stream_lists.recommended_streams(req.context.actor, wanted.limit, wanted.cursor))


class StreamSearch:
    """Streams by title or streamer; the words stand in the address or in `q`."""

    def on_get(self, req: Request, resp: falcon.Response, **path: str) -> None:
        if path:
            page_wanted = parse_query(req, ListQuery)
            said = {"q": path["query"], "limit": page_wanted.limit, "cursor": page_wanted.cursor}
            wanted = shaped(said, StreamSearchQuery, strict=False)
        else:
            wanted = parse_query(req, StreamSearchQuery)
        cacheable(resp, 2)
        page(resp, search.search_streams(wanted.q, wanted.limit, wanted.cursor))


class Search:
    """People, streams and categories."""

    def on_get(self, req: Request, resp: falcon.Response) -> None:
        wanted = parse_query(req, SearchQuery)
        ok(resp, search.search(wanted.q, wanted.type, wanted.limit, req.context.actor))
