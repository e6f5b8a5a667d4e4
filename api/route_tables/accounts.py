"""Routes of accounts: signing up and in, sessions, keys."""

from api.resources import accounts, channels
from api.route_tables.access import PUBLIC, STREAMER, USER
from api.routing import Area, Route
from api.schemas.accounts import Login, Refresh, Register, SessionAndUser
from services.accounts import SignedIn
from services.channels import StreamKey
from services.creators import Application, Applied
from services.sessions import Session, SessionView
from services.users import Me

auth = Area("auth")
user = Area("user")

AUTH: tuple[Route, ...] = (
    auth.post(
        "/api/auth/register",
        accounts.Accounts,
        PUBLIC,
        "Create an account and sign it in",
        body=Register,
        reply=SignedIn,
        status=201,
        also=("/api/auth/signup", "/api/auth/signup/email", "/auth/signup"),
    ),
    auth.post(
        "/api/auth/login",
        accounts.SignIn,
        PUBLIC,
        "Sign in with email or username and password",
        body=Login,
        reply=SignedIn,
        also=("/api/auth/signin", "/api/auth/signin/email", "/auth/login"),
    ),
    auth.post("/api/auth/refresh", accounts.Tokens, PUBLIC, "Rotate a refresh token", body=Refresh, reply=Session),
    auth.post(
        "/api/auth/logout",
        accounts.SignOut,
        USER,
        "Revoke the current session",
        also=("/api/auth/signout", "/api/auth/sign-out"),
    ),
    auth.get(
        "/api/auth/me",
        accounts.CurrentUser,
        USER,
        "The signed-in user with wallet and level",
        reply=Me,
        also=("/api/viewer/me",),
    ),
    auth.get(
        "/api/auth/get-session",
        accounts.CurrentSession,
        USER,
        "The signed-in user and the current session",
        reply=SessionAndUser,
    ),
    auth.get("/api/auth/sessions", accounts.Sessions, USER, "My sessions", reply=list[SessionView]),
    auth.delete("/api/auth/sessions/{id}", accounts.OneSession, USER, "Revoke one of my sessions"),
    auth.get("/api/auth/stream-key", channels.StreamKey, STREAMER, "My stream key and the server URL", reply=StreamKey),
    auth.post("/api/auth/stream-key", channels.StreamKey, STREAMER, "Rotate my stream key", reply=StreamKey),
    user.post(
        "/api/user/become-creator",
        channels.BecomeCreator,
        USER,
        "Apply to be a creator; approved at once unless review is on",
        body=Application,
        reply=Applied,
    ),
)
