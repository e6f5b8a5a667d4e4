"""Routes of creators, and of the administrators who decide about people."""

from api.resources import administration, creators
from api.route_tables.access import ADMIN, STREAMER, USER
from api.routing import Area, Kind, Route
from api.schemas.forms import IdentityForm
from api.schemas.lists import ApplicationQuery, UserQuery
from services.creator_profiles import CreatorProfileDraft, CreatorProfileView
from services.creator_reviews import ReviewView, Ruling
from services.creators import Application, Applied
from services.financial import BankDetails, MaskedDetails
from services.identity import IdentityView
from services.user_administration import AdminUserView, UserPatch

creator = Area("creator")
user = Area("user")
admin = Area("admin")

CREATORS: tuple[Route, ...] = (
    user.post(
        "/api/user/become-creator",
        creators.CreatorApplication,
        USER,
        "Apply to be a creator; approved at once unless review is on",
        body=Application,
        reply=Applied,
    ),
    creator.post(
        "/api/creator/application",
        creators.CreatorApplication,
        USER,
        "Apply with bio and categories",
        body=Application,
        reply=Applied,
    ),
    creator.get("/api/creator/application", creators.CreatorApplication, USER, "My application's state", reply=Applied),
    creator.put(
        "/api/creator/identity",
        creators.Identity,
        USER,
        "Upload identity documents: `documents`, up to 4 pictures or PDFs of up to 10 MiB",
        body=IdentityForm,
        kind=Kind.MULTIPART,
        reply=IdentityView,
    ),
    creator.put(
        "/api/creator/financial",
        creators.Financial,
        USER,
        "Bank details for payouts (encrypted at rest; shown masked)",
        body=BankDetails,
        reply=MaskedDetails,
    ),
    creator.get("/api/creator/financial", creators.Financial, USER, "My bank details; masked", reply=MaskedDetails),
    creator.get(
        "/api/creator/profile", creators.CreatorProfile, STREAMER, "My creator profile", reply=CreatorProfileView
    ),
    creator.put(
        "/api/creator/profile",
        creators.CreatorProfile,
        STREAMER,
        "Edit my creator profile",
        body=CreatorProfileDraft,
        reply=CreatorProfileView,
    ),
)

ADMINISTRATION: tuple[Route, ...] = (
    admin.get(
        "/api/admin/users",
        administration.Users,
        ADMIN,
        "Users; search and filter",
        query=UserQuery,
        reply=AdminUserView,
        paged=True,
    ),
    admin.patch(
        "/api/admin/users/{id}",
        administration.User,
        ADMIN,
        "Change role or suspend",
        body=UserPatch,
        reply=AdminUserView,
    ),
    admin.get(
        "/api/admin/creator-applications",
        administration.CreatorApplications,
        ADMIN,
        "Applications to review",
        query=ApplicationQuery,
        reply=ReviewView,
        paged=True,
    ),
    admin.patch(
        "/api/admin/creator-applications/{id}",
        administration.CreatorApplication,
        ADMIN,
        "Approve or reject",
        body=Ruling,
        reply=ReviewView,
    ),
    admin.get(
        "/api/admin/creator-applications/{id}/documents/{number}",
        administration.IdentityDocument,
        ADMIN,
        "One identity document of an applicant, as a file",
    ),
)
