"""Every list costs as many statements for many rows as for few."""

import re

from falcon import testing

from api.routes import ROUTES
from api.routing import Route
from db.models.users import User
from services import chat, comments, follows, gifts, likes, notifications, questions, rooms, wallets
from services.actors import Actor, Role
from services.chat import Draft
from services.comments import CommentDraft
from services.gifts import GiftOrder
from services.notification_kinds import Kind
from services.questions import NewQuestion
from tests.api.long_lists import Lists
from tests.factories import actor_of, bearer, make_category, make_channel, make_post, make_stream, make_user
from tests.live_events import make_event, make_poll, make_session, make_survey
from tests.statements import statements

Client = testing.TestClient

LISTS = [route for route in ROUTES if route.method == "GET" and (route.paged or str(route.reply).startswith("list["))]
MOST_STATEMENTS = 8
FEW, MANY = 1, 20
#: Lists that are as long as they are.
CONSTANT = frozenset({"/api/subscriptions/tiers"})


class World:
    """Somebody who may list everything, and things to list; `grow` adds some of each."""

    def __init__(self) -> None:
        self.user = me = make_user(role=Role.ADMIN, username="onlooker")
        self.channel = make_channel(me)
        self.me: Actor = actor_of(me)
        self.headers = bearer(me)
        self.stream = make_stream(self.channel)
        self.post = make_post(me)
        self.event = make_event()
        self.session = make_session(self.event)
        self.lists = Lists(me, self.stream, self.channel, self.event)
        self.grown = 0

    def grow(self, count: int) -> None:
        for _ in range(count):
            self.grown += 1
            make_category(f"Nebulae {self.grown}")
            other = make_user(role=Role.STREAMER, username=f"nebula_{self.grown}")
            self._person(other)
            self.lists.grow(other)
            make_poll(self.session.id)
            make_survey(self.session.id)
            make_session(self.event)
            make_event()
            bearer(self.user)

    def _person(self, user: User) -> None:
        """Another streamer on air whom I follow and who follows me, posts, comments and gives."""
        actor, channel = actor_of(user), make_channel(user)
        make_stream(channel, title=f"Nebula {self.grown}", viewer_count=self.grown)
        make_stream(channel, title=f"Nebula {self.grown} again", status="ENDED")
        make_stream(self.channel, title="Mine", status="ENDED")
        follows.follow(self.me, actor.user_id)
        follows.follow(actor, self.me.user_id)
        make_post(user)
        make_post(user, visibility="FOLLOWERS")
        make_post(self.user)
        comment = comments.add_comment(actor, CommentDraft(post_id=self.post.id, text="Hello"))
        likes.toggle_comment_like(self.me, comment.id)
        for room in (f"stream:{self.stream.id}", f"session:{self.session.id}"):
            chat.send_message(Draft(room=rooms.find_room(room), actor=actor, text="Hello"))
        questions.ask(actor, NewQuestion(session_id=self.session.id, text="Why?"))
        notifications.notify(self.me.user_id, Kind.MODERATION, "Note")
        wallets.grant(actor.user_id, 5, reference=actor.user_id, key=f"test:{actor.user_id}")
        gifts.give(actor, GiftOrder(gift_id=gifts.gifts_on_offer(None)[0].id, streamer_id=self.me.user_id))

    def address(self, route: Route) -> str:
        """The route's address with ids of this world; an unknown kind of id is one of nothing."""
        named = {
            "/api/users": self.me.user_id,
            "/api/streams": self.stream.id,
            "/api/events": self.event.id,
            "/api/lounges": self.lists.lounge.id,
            "/api/subscriptions": self.me.user_id,
        }
        known = {
            "userId": self.me.user_id,
            "streamerId": self.me.user_id,
            "streamer_id": self.me.user_id,
            "streamId": self.stream.id,
            "postId": self.post.id,
            "eventId": self.event.id,
            "sessionId": self.session.id,
            "query": "nebula",
            "id": named.get("/".join(route.path.split("/")[:3])),
        }
        path = re.sub(r"{(\w+)}", lambda found: str(known[found[1]]), route.path)
        return f"{path}?q=nebula" if route.path == "/api/viewer/search" else path


def cost(client: Client, world: World, route: Route) -> tuple[int, list[str]]:
    """How many rows a list has, and the statements that it cost."""
    with statements() as sent:
        result = client.simulate_get(world.address(route), headers=world.headers)
    assert result.status_code == 200, (route.path, result.text)
    return len(result.json["data"]), list(sent)


def test_every_list_of_the_route_table_costs_the_same_however_long_it_is(client: Client) -> None:
    world = World()
    world.grow(FEW)
    for route in LISTS:
        cost(client, world, route)  # whatever is only asked once
    few = {route.path: cost(client, world, route) for route in LISTS}
    world.grow(MANY - FEW)
    many = {route.path: cost(client, world, route) for route in LISTS}
    dearer = {path: sent for path, (_, sent) in many.items() if len(sent) > min(len(few[path][1]), MOST_STATEMENTS)}
    assert dearer == {}
    as_short = {path for path, (rows, _) in many.items() if rows - few[path][0] < (MANY - FEW) / 2}
    assert as_short == CONSTANT, "a list that does not grow proves nothing"


def test_a_search_costs_the_same_however_much_it_finds(client: Client) -> None:
    world = World()
    world.grow(1)
    counts = []
    for _ in range(2):
        with statements() as sent:
            found = client.simulate_get("/api/search?q=nebula", headers=world.headers).json["data"]
        counts.append((len(sent), len(found["users"]), len(found["streams"]), len(found["categories"])))
        world.grow(3)
    assert counts[0][0] == counts[1][0] <= MOST_STATEMENTS
    assert all(more > less for less, more in zip(counts[0][1:], counts[1][1:], strict=True))
