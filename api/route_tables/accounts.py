"""Routes of accounts: signing up and in, sessions, keys."""

from api.resources import accounts, channels, codes, profiles
from api.route_tables.access import PUBLIC, SELF, STREAMER, USER
from api.routing import Area, Kind, Route
from api.schemas.accounts import Login, Refresh, Register, SessionAndUser
from api.schemas.codes import (
    ChangedPassword,
    CheckCode,
    Code,
    ForgottenPassword,
    NewPassword,
    PasswordSet,
    SendCode,
    Sent,
    Validity,
    Verified,
)
from api.schemas.forms import AvatarForm
from services.accounts import SignedIn
from services.channels import StreamKey
from services.profiles import ProfilePatch
from services.sessions import Session, SessionView
from services.uploads import UploadView
from services.users import Me, UserView

auth = Area("auth")
viewer = Area("viewer")
profile_area = Area("profiles")

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
        of_myself=True,
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
)

CODES: tuple[Route, ...] = (
    auth.post(
        "/api/auth/send-verification-otp", codes.Codes, PUBLIC, "Mail a one-time code", body=SendCode, reply=Sent
    ),
    auth.post(
        "/api/auth/check-verification-otp",
        codes.CodeCheck,
        PUBLIC,
        "Say whether a code is valid without spending it",
        body=CheckCode,
        reply=Validity,
    ),
    auth.post(
        "/api/auth/verify-email",
        codes.VerifiedEmail,
        PUBLIC,
        "Spend a code and mark the address verified",
        body=Code,
        reply=Verified,
    ),
    auth.post(
        "/api/auth/signin/email-otp",
        codes.CodeSignIn,
        PUBLIC,
        "Sign in with a one-time code sent by mail",
        body=Code,
        reply=SignedIn,
    ),
    auth.post(
        "/api/auth/forget-password/email-otp",
        codes.PasswordForgotten,
        PUBLIC,
        "Mail a password-reset code; same answer for unknown addresses",
        body=ForgottenPassword,
        reply=Sent,
    ),
    auth.post(
        "/api/auth/reset-password/email-otp",
        codes.PasswordReset,
        PUBLIC,
        "Spend a reset code; set the password; revoke every session",
        body=NewPassword,
        reply=PasswordSet,
    ),
)

PROFILES: tuple[Route, ...] = (
    viewer.get("/api/viewer/profile", profiles.OwnProfile, USER, "My profile", reply=Me),
    viewer.patch("/api/viewer/profile", profiles.OwnProfile, USER, "Edit my profile", body=ProfilePatch, reply=Me),
    viewer.post(
        "/api/viewer/avatar",
        profiles.Avatar,
        USER,
        "Upload an avatar: `file`, a JPEG, PNG or WebP of up to 10 MiB",
        body=AvatarForm,
        kind=Kind.MULTIPART,
        reply=UploadView,
        status=202,
    ),
    viewer.get("/api/viewer/uploads/{id}", profiles.Upload, SELF, "How far an upload of mine is", reply=UploadView),
    viewer.patch(
        "/api/viewer/password",
        profiles.Password,
        USER,
        "Change my password; other sessions are revoked",
        body=ChangedPassword,
        reply=PasswordSet,
    ),
    profile_area.get("/api/profiles/{id}", profiles.Profile, USER, "A profile", reply=UserView),
    profile_area.patch(
        "/api/profiles/{id}", profiles.Profile, SELF, "Edit my own profile", body=ProfilePatch, reply=Me
    ),
)
