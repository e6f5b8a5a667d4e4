"""Routes of discount codes."""

from api.resources import discounts
from api.route_tables.access import ADMIN, USER
from api.routing import Area, Route
from api.schemas.lists import ListQuery
from services.discount_codes import DiscountCodeView, DiscountDraft
from services.discounts import CodeCheck, Quote

discount = Area("discount")
admin = Area("admin")

DISCOUNTS: tuple[Route, ...] = (
    discount.post(
        "/api/discount/validate",
        discounts.DiscountCheck,
        USER,
        "Check a code for a package and say what it gives",
        body=CodeCheck,
        reply=Quote,
    ),
    discount.get(
        "/api/discount/my-codes",
        discounts.MyCodes,
        USER,
        "My reward codes",
        query=ListQuery,
        reply=DiscountCodeView,
        paged=True,
    ),
    discount.get(
        "/api/discount/latest-reward",
        discounts.LatestReward,
        USER,
        "The newest reward code, or null",
        reply=DiscountCodeView | None,
    ),
    admin.post(
        "/api/admin/discount-codes",
        discounts.DiscountCodes,
        ADMIN,
        "Create a discount code",
        body=DiscountDraft,
        reply=DiscountCodeView,
        status=201,
    ),
    admin.get(
        "/api/admin/discount-codes",
        discounts.DiscountCodes,
        ADMIN,
        "Discount codes with use counts",
        query=ListQuery,
        reply=DiscountCodeView,
        paged=True,
    ),
)
