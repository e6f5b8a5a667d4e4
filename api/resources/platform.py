"""The platform itself over HTTP, for administrators: its figures, and the coin packs that it sells."""

import falcon

from api.replies import created, ok
from api.requests import Request, actor, parse
from services import coin_packs, platform_metrics
from services.coin_packs import PackDraft, PackEdit
from services.ids import known_id


class Metrics:
    """The platform's key figures."""

    def on_get(self, _req: Request, resp: falcon.Response) -> None:
        ok(resp, platform_metrics.platform_metrics())


class CoinPacks:
    """A new coin pack."""

    def on_post(self, req: Request, resp: falcon.Response) -> None:
        created(resp, coin_packs.create_pack(actor(req), parse(req, PackDraft)), "/api/payment/coin-packs")


class CoinPack:
    """One coin pack."""

    def on_patch(self, req: Request, resp: falcon.Response, **path: str) -> None:
        ok(resp, coin_packs.edit_pack(actor(req), known_id(path["id"], "coin pack"), parse(req, PackEdit)))
