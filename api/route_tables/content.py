"""Routes of content: posts, feeds, comments, likes."""

from api.resources import comments, posts
from api.route_tables.access import OPTIONAL, OWNER, PUBLIC, USER
from api.routing import Area, Kind, Route
from api.schemas.forms import PostForm
from api.schemas.lists import ListQuery
from api.schemas.social import CommentQuery, Deleted
from services.comments import CommentDraft, CommentView
from services.likes import LikeState
from services.post_views import PostView
from services.posts import PostEdit

content = Area("content")

_LIST = {"query": ListQuery, "reply": PostView, "paged": True}

CONTENT: tuple[Route, ...] = (
    content.get("/api/content/feed/public", posts.PublicFeed, PUBLIC, "Public posts; newest first", **_LIST),
    content.get("/api/content/feed", posts.Feed, USER, "Posts of those I follow; and public ones", **_LIST),
    content.get("/api/content/posts/{postId}", posts.Post, OPTIONAL, "One post", reply=PostView),
    content.get(
        "/api/content/posts/{postId}/comments",
        comments.CommentsOfPost,
        OPTIONAL,
        "Comments of a post",
        query=CommentQuery,
        reply=CommentView,
        paged=True,
    ),
    content.get("/api/content/users/{userId}/posts", posts.PostsOfUser, OPTIONAL, "A user's posts", **_LIST),
    content.post(
        "/api/content/posts",
        posts.Posts,
        USER,
        "Create a post (multipart with images or video; JSON will do for text alone)",
        body=PostForm,
        kind=Kind.MULTIPART,
        reply=PostView,
        status=201,
    ),
    content.get("/api/content/posts", posts.Posts, USER, "My posts", **_LIST),
    content.put("/api/content/posts/{postId}", posts.Post, OWNER, "Edit a post", body=PostEdit, reply=PostView),
    content.delete("/api/content/posts/{postId}", posts.Post, OWNER, "Delete a post and its media", reply=Deleted),
    content.post("/api/content/posts/{postId}/like", posts.PostLike, USER, "Toggle a like", reply=LikeState),
    content.post(
        "/api/content/comments",
        comments.Comments,
        USER,
        "Comment on a post or reply",
        body=CommentDraft,
        reply=CommentView,
        status=201,
    ),
    content.delete("/api/content/comments/{commentId}", comments.Comment, OWNER, "Delete a comment", reply=Deleted),
    content.post(
        "/api/content/comments/{commentId}/like",
        comments.CommentLike,
        USER,
        "Toggle a like on a comment",
        reply=LikeState,
    ),
)
