"""Routes of people: profiles, who follows and who blocks whom, creators."""

from api.resources import browse, people, social
from api.route_tables.access import OPTIONAL, PUBLIC, USER
from api.routing import Area, Route
from api.schemas.lists import ListQuery
from services.blocks import BlockState
from services.creator_pages import CreatorPage
from services.follows import FollowState, Relation
from services.streams import StreamView
from services.users import UserView

users, user, social_area = Area("users"), Area("user"), Area("social")

_LIST = {"query": ListQuery, "reply": UserView, "paged": True}

PEOPLE: tuple[Route, ...] = (
    users.get("/api/users/{id}", people.User, OPTIONAL, "A public profile (id or username)", reply=UserView),
    users.get(
        "/api/users/{id}/streams",
        browse.StreamsOfUser,
        PUBLIC,
        "A user's streams; newest first",
        query=ListQuery,
        reply=StreamView,
        paged=True,
    ),
    users.post(
        "/api/users/{id}/follow",
        social.Follow,
        USER,
        "Follow",
        reply=FollowState,
        also=("/api/social/follow/{userId}",),
    ),
    users.delete(
        "/api/users/{id}/follow",
        social.Follow,
        USER,
        "Unfollow",
        reply=FollowState,
        also=("/api/social/follow/{userId}",),
    ),
    user.get("/api/user/following", social.OwnFollowing, USER, "The users I follow", **_LIST),
    user.post("/api/user/follow/{streamerId}", social.FollowToggle, USER, "Toggle following", reply=FollowState),
    social_area.get(
        "/api/social/follow/{userId}",
        social.Follow,
        OPTIONAL,
        "Do I follow this user; does this user follow me",
        reply=Relation,
    ),
    social_area.get("/api/social/followers/{userId}", social.Followers, PUBLIC, "A user's followers", **_LIST),
    social_area.get("/api/social/following/{userId}", social.Following, PUBLIC, "Whom a user follows", **_LIST),
    social_area.post(
        "/api/social/block/{userId}",
        social.Block,
        USER,
        "Block a user (unfollows both ways; no chat; no follow)",
        reply=BlockState,
    ),
    social_area.delete("/api/social/block/{userId}", social.Block, USER, "Unblock", reply=BlockState),
    social_area.get("/api/social/creators", social.Creators, PUBLIC, "Creators", **_LIST),
    social_area.get(
        "/api/social/creator/{username}",
        social.Creator,
        OPTIONAL,
        "A creator's profile with counts; live stream and levels",
        reply=CreatorPage,
    ),
)
