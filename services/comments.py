"""Comments on posts, and replies to them."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec

from db.connection import query
from db.models.posts import Comment, Post
from db.models.users import User
from db.transactions import atomic
from services import notifications, posts
from services.actors import Actor
from services.errors import Forbidden, Invalid, NotFound, ServiceError
from services.ids import new_id
from services.notification_kinds import Kind
from services.pages import Page, cut, decode_cursor
from services.post_views import PostView
from services.refusals import translating
from services.separation import is_blocked, neither_blocks
from services.users import PUBLIC, PUBLIC_COLUMNS, UserView, public_view


class CommentDraft(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """What somebody says to a post, or (with `parent_id`) to another comment of it."""

    post_id: UUID
    text: Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]
    parent_id: UUID | None = None


class CommentView(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A comment as one viewer sees it."""

    id: UUID
    post_id: UUID
    parent_id: UUID | None
    author: UserView
    text: str
    like_count: int
    liked_by_me: bool
    created_at: datetime


def comments_of(
    post_id: UUID, viewer: Actor | None, limit: int, cursor: str | None, parent_id: UUID | None = None
) -> Page[CommentView]:
    """Comments of a post, oldest first, replies among them; with `parent_id` the replies to that one.

    Raises NotFound also for a post that the viewer may not see.
    """
    posts.post(post_id, viewer)
    (after,) = decode_cursor(cursor, tuple[UUID]) if cursor else (UUID(int=0),)
    wanted = {"post": post_id, "parent": parent_id, "viewer": viewer.user_id if viewer else None}
    rows = query(_LIST if parent_id is None else _REPLIES, {**wanted, "after": after, "limit": limit + 1})
    return cut(rows, limit, _view, lambda row: (row[PUBLIC_COLUMNS],))


def add_comment(actor: Actor, draft: CommentDraft) -> CommentView:
    """Comment on a post that the actor may see; raises NotFound, Invalid."""
    comment_id = new_id()
    with translating(_DELETED_MEANWHILE), atomic():
        post = posts.post(draft.post_id, actor)
        parent = _parent(actor, draft)
        Comment.insert(
            id=comment_id, post=post.id, parent_id=draft.parent_id, author=actor.user_id, text=draft.text
        ).execute()
        Post.update(comment_count=Post.comment_count + 1).where(Post.id == post.id).execute()
        _tell(actor, post, parent, comment_id, draft.text)
    return _one(comment_id, actor)


def delete_comment(actor: Actor, comment_id: UUID) -> None:
    """Take a comment away with the replies to it: its author, the post's, or an admin. Raises NotFound, Forbidden."""
    with atomic():
        comment = visible_comment(comment_id, actor)
        post = Post.select(Post.id, Post.author).where(Post.id == comment.post_id).for_update().get()
        if actor.user_id not in (comment.author.id, post.author_id) and not actor.is_moderator:
            raise Forbidden("This is somebody else's comment.", "not_owner")
        Comment.delete().where(Comment.id == comment_id).execute()
        left = Comment.select().where(Comment.post == post.id).count()
        Post.update(comment_count=left).where(Post.id == post.id).execute()


def visible_comment(comment_id: UUID, viewer: Actor) -> CommentView:
    """One comment of a post that the viewer may see; raises NotFound."""
    comment = _one(comment_id, viewer)
    posts.post(comment.post_id, viewer)
    return comment


def _parent(actor: Actor, draft: CommentDraft) -> Comment | None:
    """The comment answered; to somebody apart from the actor it is as if it were not there."""
    if draft.parent_id is None:
        return None
    parent = Comment.get_or_none(Comment.id == draft.parent_id, Comment.post == draft.post_id)
    if parent is None or is_blocked(actor.user_id, parent.author_id):
        raise _no_parent()
    return parent


def _no_parent() -> ServiceError:
    return Invalid.field("parentId", "is no comment of this post")


_DELETED_MEANWHILE: dict[str, Callable[[], ServiceError]] = {
    "comments_post_id_fkey": lambda: NotFound("No such post.", "post_not_found"),
    "comments_parent_of_same_post": _no_parent,
}


def _tell(actor: Actor, post: PostView, parent: Comment | None, comment_id: UUID, text: str) -> None:
    """Whose comment was answered hears of a reply, whose post it is of a comment; nobody of both or of themselves."""
    username = User.select(User.username).where(User.id == actor.user_id).get().username
    data = {"postId": str(post.id), "commentId": str(comment_id), "username": username}
    answered = parent.author_id if parent else None
    if answered is not None and answered != actor.user_id:
        title = f"{username} answered your comment"
        notifications.notify(answered, Kind.REPLY, title, text, data, cause=comment_id)
    if post.author.id not in (actor.user_id, answered):
        title = f"{username} commented on your post"
        notifications.notify(post.author.id, Kind.COMMENT, title, text, data, cause=comment_id)


def _one(comment_id: UUID, viewer: Actor) -> CommentView:
    rows = query(_ONE, {"comment": comment_id, "viewer": viewer.user_id})
    if not rows:
        raise NotFound("No such comment.", "comment_not_found")
    return _view(rows[0])


def _view(row: Sequence[Any]) -> CommentView:
    comment_id, post_id, parent_id, text, likes, liked, created_at = row[PUBLIC_COLUMNS:]
    return CommentView(
        id=comment_id,
        post_id=post_id,
        parent_id=parent_id,
        author=public_view(row),
        text=text,
        like_count=likes,
        liked_by_me=liked,
        created_at=created_at,
    )


_SELECT = f"""
SELECT {PUBLIC}, k.id, k.post_id, k.parent_id, k.text, k.like_count,
       EXISTS (SELECT FROM comment_likes l WHERE l.comment_id = k.id AND l.user_id = %(viewer)s::uuid), k.created_at
FROM comments k JOIN users u ON u.id = k.author_id
WHERE {neither_blocks("k.author_id")}"""  # noqa: S608 - built from constants
_ONE = f"{_SELECT} AND k.id = %(comment)s"
_LIST = f"{_SELECT} AND k.post_id = %(post)s AND k.id > %(after)s ORDER BY k.id LIMIT %(limit)s"
_REPLIES = (
    f"{_SELECT} AND k.post_id = %(post)s AND k.parent_id = %(parent)s "
    "AND k.id > %(after)s ORDER BY k.id LIMIT %(limit)s"
)
