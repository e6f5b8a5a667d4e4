"""Routes for looking around: categories, streams of all kinds, search, recommendations."""

from api.resources import browse, catalogue
from api.route_tables.access import ADMIN, OPTIONAL, PUBLIC, USER
from api.routing import Area, Route
from api.schemas.lists import ListQuery
from api.schemas.social import AllStreamsQuery, SearchQuery, StreamSearchQuery
from services.categories import CategoryDraft, CategoryPatch, CategoryView
from services.search import Found
from services.streams import StreamView

data, viewer, categories, search = Area("data"), Area("viewer"), Area("categories"), Area("search")

_LIST = {"query": ListQuery, "reply": StreamView, "paged": True}

BROWSE: tuple[Route, ...] = (
    data.get(
        "/api/data/streams",
        browse.AllStreams,
        PUBLIC,
        "Streams with streamer; category and tags (live first)",
        **_LIST | {"query": AllStreamsQuery},
    ),
    data.get("/api/data/search/{query}", browse.StreamSearch, PUBLIC, "Search streams by title or streamer", **_LIST),
    viewer.get(
        "/api/viewer/search",
        browse.StreamSearch,
        PUBLIC,
        "Search streams",
        **_LIST | {"query": StreamSearchQuery},
    ),
    viewer.get(
        "/api/viewer/recommended",
        browse.RecommendedStreams,
        OPTIONAL,
        "Recommended live streams (follows; categories watched; viewers)",
        **_LIST,
    ),
    viewer.get("/api/viewer/following", browse.FollowedStreams, USER, "Streams of those I follow; live first", **_LIST),
    search.get(
        "/api/search",
        browse.Search,
        OPTIONAL,
        "Search users, streams and categories (?q=&type=&limit=)",
        query=SearchQuery,
        reply=Found,
    ),
    categories.post(
        "/api/categories",
        catalogue.Categories,
        ADMIN,
        "Create a category",
        body=CategoryDraft,
        reply=CategoryView,
        status=201,
    ),
    categories.patch(
        "/api/categories/{id}",
        catalogue.Category,
        ADMIN,
        "Edit a category",
        body=CategoryPatch,
        reply=CategoryView,
    ),
)
