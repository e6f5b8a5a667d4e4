"""Posts over HTTP: feeds, one post, and its likes."""

import falcon

from api.replies import cacheable, created, ok, page
from api.requests import Request, actor, parse, parse_query
from api.schemas.lists import ListQuery
from api.schemas.social import Deleted
from api.uploads import FileField, received
from services import feeds, likes, post_media, posts
from services.ids import known_id
from services.posts import PostDraft, PostEdit

FILES = FileField(
    names=("files", "files[]"), most_bytes=post_media.VIDEO_BYTES, most_files=post_media.MOST_FILES, required=False
)


class PublicFeed:
    """What everybody may see."""

    def on_get(self, req: Request, resp: falcon.Response) -> None:
        wanted = parse_query(req, ListQuery)
        cacheable(resp, 2)
        page(resp, feeds.public_feed(wanted.limit, wanted.cursor))


class Feed:
    """What I may see, newest first."""

    def on_get(self, req: Request, resp: falcon.Response) -> None:
        wanted = parse_query(req, ListQuery)
        page(resp, feeds.personal_feed(actor(req), wanted.limit, wanted.cursor))


class PostsOfUser:
    """What one person posted."""

    def on_get(self, req: Request, resp: falcon.Response, **path: str) -> None:
        wanted = parse_query(req, ListQuery)
        page(resp, feeds.posts_of(path["userId"], req.context.actor, wanted.limit, wanted.cursor))


class Posts:
    """My posts, and new ones."""

    def on_get(self, req: Request, resp: falcon.Response) -> None:
        wanted = parse_query(req, ListQuery)
        page(resp, feeds.own_posts(actor(req), wanted.limit, wanted.cursor))

    def on_post(self, req: Request, resp: falcon.Response) -> None:
        """Take a form with files, or JSON for a post that is text alone."""
        if (req.content_type or "").lower().startswith("application/json"):
            post = posts.create_post(actor(req), parse(req, PostDraft))
        else:
            with received(req, FILES, PostDraft) as form:
                post = posts.create_post(actor(req), form.body, form.files)
        created(resp, post, f"/api/content/posts/{post.id}")


class Post:
    """One post."""

    def on_get(self, req: Request, resp: falcon.Response, **path: str) -> None:
        ok(resp, posts.post(known_id(path["postId"], "post"), req.context.actor))

    def on_put(self, req: Request, resp: falcon.Response, **path: str) -> None:
        ok(resp, posts.edit_post(actor(req), known_id(path["postId"], "post"), parse(req, PostEdit)))

    def on_delete(self, req: Request, resp: falcon.Response, **path: str) -> None:
        posts.delete_post(actor(req), known_id(path["postId"], "post"))
        ok(resp, Deleted())


class PostLike:
    """Whether I like a post."""

    def on_post(self, req: Request, resp: falcon.Response, **path: str) -> None:
        ok(resp, likes.toggle_post_like(actor(req), known_id(path["postId"], "post")))
