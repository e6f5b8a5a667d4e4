"""Likes: counted truly, told of in batches."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest

from db.connection import connection, database, query
from db.models.users import User
from db.transactions import atomic
from services import comments, likes, notifications
from services.actors import Actor
from services.comments import CommentDraft
from services.errors import NotFound
from services.notification_kinds import Kind
from settings import Settings
from tests.factories import actor_of, make_post, make_user
from tests.realtime.running import wait_for


def told(user: User) -> list[str]:
    """The titles of what a person was told of likes, newest first."""
    listed = notifications.notifications_of(actor_of(user), 20, None).items
    return [one.title for one in listed if one.kind == Kind.LIKES]


def test_many_likes_make_one_notification() -> None:
    author = make_user()
    post = make_post(author)
    for name in ("ana", "ben", "cleo"):
        likes.toggle_post_like(actor_of(make_user(username=name)), post.id)
    assert told(author) == []
    assert likes.tell_of_likes() == 1
    assert told(author) == ["cleo and 2 others liked your post"]
    assert likes.tell_of_likes() == 0


def test_later_likes_join_what_is_still_unread() -> None:
    author = make_user()
    post = make_post(author)
    for name in ("ana", "ben"):
        likes.toggle_post_like(actor_of(make_user(username=name)), post.id)
        likes.tell_of_likes()
    assert told(author) == ["ben and 1 other liked your post"]
    notifications.mark_read(actor_of(author), None)
    likes.toggle_post_like(actor_of(make_user(username="cleo")), post.id)
    likes.tell_of_likes()
    assert told(author) == ["cleo liked your post", "ben and 1 other liked your post"]


def test_a_like_that_comes_and_goes_is_counted_once_and_told_of_once() -> None:
    author, fan = make_user(), make_user(username="ana")
    post = make_post(author)
    for _ in range(3):
        likes.toggle_post_like(actor_of(fan), post.id)
    likes.tell_of_likes()
    for _ in range(2):
        likes.toggle_post_like(actor_of(fan), post.id)
    likes.tell_of_likes()
    assert told(author) == ["ana liked your post"]
    assert query("SELECT like_count FROM posts WHERE id = %s", (post.id,)) == [(1,)]


def test_a_like_taken_back_in_time_is_never_told() -> None:
    author, fan = make_user(), make_user()
    post = make_post(author)
    for _ in range(2):
        likes.toggle_post_like(actor_of(fan), post.id)
    likes.toggle_post_like(actor_of(author), post.id)
    assert likes.tell_of_likes() == 0
    assert told(author) == []


def test_likes_of_a_comment_are_told_to_its_author_apart_from_the_posts() -> None:
    author, guest = make_user(), make_user()
    post = make_post(author)
    comment = comments.add_comment(actor_of(guest), CommentDraft(post_id=post.id, text="Nice"))
    fan = actor_of(make_user(username="ana"))
    likes.toggle_comment_like(fan, comment.id)
    likes.toggle_post_like(fan, post.id)
    assert likes.tell_of_likes() == 2
    assert told(author) == ["ana liked your post"]
    assert told(guest) == ["ana liked your comment"]


def test_counters_are_true_after_a_storm(committed_db: Settings) -> None:
    with connection():
        post = make_post()
        fans = [actor_of(make_user()) for _ in range(8)]

    def storm(number: int) -> None:
        with connection():
            for _ in range(5):
                likes.toggle_post_like(fans[number % 8], post.id)

    with ThreadPoolExecutor(16) as threads:
        list(threads.map(storm, range(16)))
    with connection():
        [(counted, kept)] = query(
            "SELECT (SELECT count(*) FROM post_likes WHERE post_id = p.id), p.like_count FROM posts p"
        )
    assert counted == kept


@pytest.mark.parametrize(
    "act",
    [
        lambda actor, post_id: likes.toggle_post_like(actor, post_id),
        lambda actor, post_id: comments.add_comment(actor, CommentDraft(post_id=post_id, text="First!")),
    ],
    ids=["like", "comment"],
)
def test_what_is_being_deleted_can_be_neither_liked_nor_commented_on(
    committed_db: Settings, act: Callable[[Actor, UUID], object]
) -> None:
    post = make_post()
    actor = actor_of(make_user())

    def try_it() -> str:
        with connection():
            try:
                act(actor, post.id)
            except NotFound as error:
                return error.code
        return "done"

    with ThreadPoolExecutor(1) as pool:
        with atomic():
            query("DELETE FROM posts WHERE id = %s", (post.id,))
            answer = pool.submit(try_it)
            wait_for(lambda: bool(query("SELECT 1 FROM pg_locks WHERE NOT granted")), "it to wait")
        assert answer.result() == "post_not_found"
    database.close()
