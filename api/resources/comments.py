"""Comments over HTTP."""

import falcon

from api.replies import created, ok, page
from api.requests import Request, actor, parse, parse_query
from api.schemas.social import CommentQuery, Deleted
from services import comments, likes
from services.comments import CommentDraft
from services.ids import known_id


class CommentsOfPost:
    """What was said to a post."""

    def on_get(self, req: Request, resp: falcon.Response, **path: str) -> None:
        wanted, post_id = parse_query(req, CommentQuery), known_id(path["postId"], "post")
        viewer = req.context.actor
        page(resp, comments.comments_of(post_id, viewer, wanted.limit, wanted.cursor, wanted.parent_id))


class Comments:
    """New comments."""

    def on_post(self, req: Request, resp: falcon.Response) -> None:
        comment = comments.add_comment(actor(req), parse(req, CommentDraft))
        created(resp, comment, f"/api/content/posts/{comment.post_id}/comments")


class Comment:
    """One comment."""

    def on_delete(self, req: Request, resp: falcon.Response, **path: str) -> None:
        comments.delete_comment(actor(req), known_id(path["commentId"], "comment"))
        ok(resp, Deleted())


class CommentLike:
    """Whether I like a comment."""

    def on_post(self, req: Request, resp: falcon.Response, **path: str) -> None:
        ok(resp, likes.toggle_comment_like(actor(req), known_id(path["commentId"], "comment")))
