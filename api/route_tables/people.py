"""Routes of people: profiles, and who follows whom."""

from api.resources import people
from api.route_tables.access import OPTIONAL, USER
from api.routing import Area, Route
from services.follows import FollowState
from services.users import UserView

users = Area("users")

PEOPLE: tuple[Route, ...] = (
    users.get("/api/users/{id}", people.User, OPTIONAL, "A public profile (id or username)", reply=UserView),
    users.post("/api/users/{id}/follow", people.Following, USER, "Follow", reply=FollowState),
    users.delete("/api/users/{id}/follow", people.Following, USER, "Unfollow", reply=FollowState),
)
