"""Posts: writing one with its images and videos, changing it, and taking it away."""

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from db.connection import query
from db.models.posts import Post
from db.transactions import atomic
from services import jobs, post_media
from services.actors import Actor
from services.errors import Forbidden, NotFound
from services.ids import new_id
from services.post_views import COLUMNS, MAY_SEE, PostView, Visibility, post_view, viewing
from services.uploads import ReceivedFile

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=5000)]


class PostDraft(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What somebody wants to post, but for its files."""

    text: Text
    visibility: Visibility = Visibility.PUBLIC


class PostEdit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A change of a post: what is left out stays."""

    text: Text | UnsetType = UNSET
    visibility: Visibility | UnsetType = UNSET


def create_post(actor: Actor, draft: PostDraft, files: Sequence[ReceivedFile] = ()) -> PostView:
    """Post something; its files are PROCESSING until a worker has made what browsers show.

    Raises StorageError where the files cannot be kept; nothing is posted then.
    """
    post_id = new_id()
    with post_media.stored(post_id, files) as sources, atomic():
        Post.insert(id=post_id, author=actor.user_id, text=draft.text, visibility=draft.visibility.value).execute()
        post_media.attach(post_id, sources)
    return post(post_id, actor)


def post(post_id: UUID, viewer: Actor | None) -> PostView:
    """One post; raises NotFound also for one that the viewer may not see."""
    rows = query(_ONE, {"post": post_id, **viewing(viewer)})
    if not rows:
        raise NotFound("No such post.", "post_not_found")
    return post_view(rows[0])


def edit_post(actor: Actor, post_id: UUID, edit: PostEdit) -> PostView:
    """Change a post of the actor's (an admin's: any); raises NotFound, Forbidden."""
    columns: dict[str, Any] = msgspec.to_builtins(edit)
    with atomic():
        _owned(actor, post_id)
        if columns:
            Post.update(**columns).where(Post.id == post_id).execute()
        return post(post_id, actor)


def delete_post(actor: Actor, post_id: UUID) -> None:
    """Take a post away with all that hangs on it; raises NotFound, Forbidden."""
    with atomic():
        _owned(actor, post_id)
        Post.delete().where(Post.id == post_id).execute()
        jobs.enqueue(jobs.TIDY_POST_MEDIA, post_id=post_id)


def _owned(actor: Actor, post_id: UUID) -> None:
    seen = post(post_id, actor)
    if seen.author.id != actor.user_id and not actor.is_admin:
        raise Forbidden("This is somebody else's post.", "not_owner")
    Post.select(Post.id).where(Post.id == post_id).for_update().first()


_ONE = f"""
SELECT {COLUMNS} FROM posts p JOIN users u ON u.id = p.author_id
WHERE p.id = %(post)s AND {MAY_SEE}"""  # noqa: S608 - built from constants
