"""Blocking is honoured everywhere: each place where two people could meet is a line of this file."""

from collections.abc import Callable, Sequence
from uuid import UUID

import pytest

from db.connection import query
from services import (
    blocks,
    chat,
    chat_signs,
    comments,
    feeds,
    follows,
    gifts,
    likes,
    notifications,
    posts,
    rooms,
    search,
    stream_lists,
    wallets,
)
from services.actors import Actor, Role
from services.chat import Draft
from services.comments import CommentDraft
from services.errors import Forbidden, Invalid, NotFound, ServiceError
from services.gifts import GiftOrder
from services.notification_kinds import Kind
from services.search import Scope
from services.standing import FreshStandings, RememberedStandings
from tests.factories import actor_of, make_category, make_channel, make_post, make_stream, make_user


def star() -> UUID:
    """The cheapest gift."""
    return gifts.gifts_on_offer(None)[0].id


class Pair:
    """A streamer on air with a post, and a viewer with coins and a post; both met on a third person's post."""

    def __init__(self) -> None:
        streamer, viewer = make_user(role=Role.STREAMER, username="celestia"), make_user(username="wanderer")
        self.streamer, self.viewer = actor_of(streamer), actor_of(viewer)
        self.channel = make_channel(streamer)
        self.stream = make_stream(self.channel, category=make_category("Stars").id, title="Celestial night")
        self.post, self.answer, self.host = make_post(streamer), make_post(viewer), make_post()
        self.comment = comments.add_comment(self.streamer, CommentDraft(post_id=self.host.id, text="Hello"))
        wallets.grant(viewer.id, 100, reference=viewer.id, key=f"test:{viewer.id}")


@pytest.fixture(params=["the streamer blocks", "the viewer blocks"])
def pair(request: pytest.FixtureRequest) -> Pair:
    """Two people, one of whom has blocked the other."""
    made = Pair()
    follows.follow(made.viewer, made.streamer.user_id)
    follows.follow(made.streamer, made.viewer.user_id)
    if request.param == "the streamer blocks":
        blocks.block(made.streamer, made.viewer.user_id)
    else:
        blocks.block(made.viewer, made.streamer.user_id)
    return made


def test_following_ends_both_ways_and_the_counters_stay_true(pair: Pair) -> None:
    ids = [pair.streamer.user_id, pair.viewer.user_id]
    assert query("SELECT count(*) FROM follows WHERE follower_id = ANY(%s::uuid[])", (ids,)) == [(0,)]
    counted = query("SELECT sum(follower_count + following_count) FROM users WHERE id = ANY(%s::uuid[])", (ids,))
    assert counted == [(0,)]


def draft(pair: Pair, actor: Actor) -> Draft:
    return Draft(room=rooms.find_room(f"stream:{pair.stream.id}"), actor=actor, text="Hello")


REFUSED: dict[str, tuple[Callable[[Pair], object], type[ServiceError]]] = {
    "following": (lambda p: follows.follow(p.viewer, p.streamer.user_id), Forbidden),
    "following back": (lambda p: follows.follow(p.streamer, p.viewer.user_id), Forbidden),
    "toggling": (lambda p: follows.toggle_follow(p.viewer, p.streamer.user_id), Forbidden),
    "writing in the other's chat": (lambda p: chat.send_message(draft(p, p.viewer)), Forbidden),
    "seeming to write there": (
        lambda p: chat_signs.tell_typing(p.viewer, p.channel.room_id, RememberedStandings(FreshStandings())),
        Forbidden,
    ),
    "giving": (lambda p: gifts.give(p.viewer, GiftOrder(gift_id=star(), streamer_id=p.streamer.user_id)), Forbidden),
    "reading a post": (lambda p: posts.post(p.post.id, p.viewer), NotFound),
    "reading a post the other way": (lambda p: posts.post(p.answer.id, p.streamer), NotFound),
    "liking a post": (lambda p: likes.toggle_post_like(p.viewer, p.post.id), NotFound),
    "commenting": (lambda p: comments.add_comment(p.viewer, CommentDraft(post_id=p.post.id, text="x")), NotFound),
    "reading comments": (lambda p: comments.comments_of(p.post.id, p.viewer, 20, None), NotFound),
    "liking a comment elsewhere": (lambda p: likes.toggle_comment_like(p.viewer, p.comment.id), NotFound),
    "answering a comment elsewhere": (
        lambda p: comments.add_comment(p.viewer, CommentDraft(post_id=p.host.id, text="x", parent_id=p.comment.id)),
        Invalid,
    ),
}


@pytest.mark.parametrize("place", REFUSED)
def test_people_apart_are_refused(pair: Pair, place: str) -> None:
    act, refusal = REFUSED[place]
    with pytest.raises(refusal):
        act(pair)


HIDDEN: dict[str, Callable[[Pair], Sequence[object]]] = {
    "the feed": lambda p: [post.id for post in feeds.personal_feed(p.viewer, 20, None).items if post.id == p.post.id],
    "the wall": lambda p: feeds.posts_of("celestia", p.viewer, 20, None).items,
    "comments elsewhere": lambda p: comments.comments_of(p.host.id, p.viewer, 20, None).items,
    "search for people": lambda p: search.search("celestia", Scope.USERS, 20, p.viewer).users,
    "search for streams": lambda p: search.search("celestial", Scope.STREAMS, 20, p.viewer).streams,
    "recommended streams": lambda p: stream_lists.recommended_streams(p.viewer, 20, None).items,
    "streams of those followed": lambda p: stream_lists.followed_streams(p.viewer, 20, None).items,
}


@pytest.mark.parametrize("place", HIDDEN)
def test_people_apart_do_not_see_each_other(pair: Pair, place: str) -> None:
    assert HIDDEN[place](pair) == []


@pytest.mark.parametrize("place", HIDDEN)
def test_before_a_block_each_of_these_places_shows_something(place: str) -> None:
    made = Pair()
    follows.follow(made.viewer, made.streamer.user_id)
    assert HIDDEN[place](made) != []


def test_nobody_is_told_of_the_stream_of_somebody_apart(pair: Pair) -> None:
    notifications.notify_followers(pair.stream.id)
    told = query(
        "SELECT 1 FROM notifications WHERE user_id = %s AND kind = %s",
        (pair.viewer.user_id, Kind.STREAM_STARTED.value),
    )
    assert told == []


def test_staff_cannot_be_kept_out_of_a_chat() -> None:
    made = Pair()
    moderator = actor_of(make_user(role=Role.MODERATOR))
    blocks.block(made.streamer, moderator.user_id)
    assert chat.send_message(draft(made, moderator)).text == "Hello"


def test_what_was_blocked_can_meet_again() -> None:
    made = Pair()
    blocks.block(made.streamer, made.viewer.user_id)
    blocks.unblock(made.streamer, made.viewer.user_id)
    assert follows.follow(made.viewer, made.streamer.user_id).following
    assert chat.send_message(draft(made, made.viewer)).text == "Hello"
