"""Routes of lounges, their people, and what was said in them."""

from api.resources import lounges
from api.route_tables.access import OWNER, USER
from api.routing import Area, Route
from api.schemas.lists import ListQuery
from api.schemas.moderation import LoungeModeratorDraft, LoungeQuery
from services.lounge_members import Invitation, MemberView
from services.lounges import LoungeDetails, LoungeDraft, LoungePatch, LoungeView
from services.messages import Message
from services.room_moderators import ModeratorView
from services.rooms import ChatSettings, ChatSettingsPatch

area = Area("lounges")
ONE = "/api/lounges/{id}"

LOUNGES: tuple[Route, ...] = (
    area.get(
        "/api/lounges",
        lounges.Lounges,
        USER,
        "Lounges: public ones, and those that one was asked into",
        query=LoungeQuery,
        reply=LoungeView,
        paged=True,
        also=("/lounges",),
    ),
    area.post(
        "/api/lounges",
        lounges.Lounges,
        USER,
        "Create a lounge",
        body=LoungeDraft,
        reply=LoungeDetails,
        status=201,
        also=("/lounges",),
    ),
    area.get(ONE, lounges.Lounge, USER, "One lounge with members online", reply=LoungeDetails),
    area.patch(ONE, lounges.Lounge, OWNER, "Edit a lounge", body=LoungePatch, reply=LoungeDetails),
    area.delete(ONE, lounges.Lounge, OWNER, "Close a lounge; it is kept as an archive", reply=LoungeDetails),
    area.get(
        f"{ONE}/messages",
        lounges.LoungeMessages,
        USER,
        "A lounge's messages; newest page first; cursor back",
        query=ListQuery,
        reply=Message,
        paged=True,
    ),
    area.put(
        f"{ONE}/chat-settings",
        lounges.LoungeSettings,
        USER,
        "A lounge's chat settings, by who keeps order in it",
        body=ChatSettingsPatch,
        reply=ChatSettings,
    ),
    area.get(
        f"{ONE}/invitations",
        lounges.LoungeInvitations,
        USER,
        "Who was asked into a lounge",
        query=ListQuery,
        reply=MemberView,
        paged=True,
    ),
    area.post(
        f"{ONE}/invitations",
        lounges.LoungeInvitations,
        USER,
        "Ask somebody into a lounge, by who keeps order in it",
        body=Invitation,
        reply=MemberView,
        status=201,
    ),
    area.delete(
        f"{ONE}/invitations/{{userId}}",
        lounges.LoungeInvitation,
        USER,
        "Take an invitation back, or give one's own up",
        reply=MemberView,
    ),
    area.post(
        f"{ONE}/moderators",
        lounges.LoungeModerators,
        OWNER,
        "Make somebody a moderator of a lounge",
        body=LoungeModeratorDraft,
        reply=ModeratorView,
        status=201,
    ),
    area.delete(f"{ONE}/moderators/{{userId}}", lounges.LoungeModerator, OWNER, "Take that back", reply=ModeratorView),
)
