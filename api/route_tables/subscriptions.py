"""Routes of subscriptions."""

from api.resources import subscriptions
from api.resources.subscriptions import ContentTier, SubscriptionQuery
from api.route_tables.access import OWNER, PUBLIC, SELF, STREAMER, USER
from api.routing import Area, Route
from services.subscription_orders import Started, SubscriptionOrder
from services.subscription_views import SubscriptionView
from services.tiers import TierView

subscription = Area("subscriptions")

SUBSCRIPTIONS: tuple[Route, ...] = (
    subscription.get(
        "/api/subscriptions/tiers",
        subscriptions.Tiers,
        PUBLIC,
        "The tiers and their prices",
        reply=list[TierView],
    ),
    subscription.get(
        "/api/subscriptions/content-tier",
        subscriptions.SubscriberContent,
        STREAMER,
        "From which tier on my subscribers see what is for subscribers",
        reply=ContentTier,
    ),
    subscription.put(
        "/api/subscriptions/content-tier",
        subscriptions.SubscriberContent,
        STREAMER,
        "Lower or raise that tier",
        body=ContentTier,
        reply=ContentTier,
    ),
    subscription.post(
        "/api/subscriptions",
        subscriptions.Subscriptions,
        USER,
        "Subscribe to a streamer (basic; pro; premium) by card or coins; a higher tier is an upgrade",
        body=SubscriptionOrder,
        reply=Started,
        status=201,
        once=True,
    ),
    subscription.get(
        "/api/subscriptions/{id}",
        subscriptions.Subscription,
        SELF,
        "A user's subscriptions",
        query=SubscriptionQuery,
        reply=SubscriptionView,
        paged=True,
    ),
    subscription.delete(
        "/api/subscriptions/{id}",
        subscriptions.Subscription,
        OWNER,
        "Cancel; stays active until it expires",
        reply=SubscriptionView,
    ),
    subscription.get(
        "/api/subscriptions/streamer/{streamer_id}",
        subscriptions.Subscribers,
        OWNER,
        "A streamer's subscribers",
        query=SubscriptionQuery,
        reply=SubscriptionView,
        paged=True,
    ),
)
