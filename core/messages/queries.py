"""What the engine asks the exchange to tell it. Each gets exactly one answer event, or `ReadFailed`."""

from __future__ import annotations

from msgspec import Struct

from core.model.cloid import Cloid
from core.model.market import MarketKey


class _Query(Struct, frozen=True, tag=True):
    pass


class QuerySpecs(_Query, frozen=True):
    """perpDexs and meta of one dex -> SpecsRead."""

    dex: str


class QueryPositions(_Query, frozen=True):
    """clearinghouseState of one dex -> PositionsRead."""

    dex: str


class QueryOpenOrders(_Query, frozen=True):
    """openOrders of one dex -> OpenOrdersRead."""

    dex: str


class QueryOrderStatus(_Query, frozen=True):
    """orderStatus by cloid -> OrderStatusRead."""

    cloid: Cloid


class QueryFills(_Query, frozen=True):
    """userFillsByTime from ``start_ms`` -> FillsRead."""

    start_ms: int


class QueryFunding(_Query, frozen=True):
    """userFunding from ``start_ms`` -> FundingRead."""

    start_ms: int


class QueryBook(_Query, frozen=True):
    """l2Book -> Bbo with ``from_book``."""

    market: MarketKey


class QueryRateLimit(_Query, frozen=True):
    """userRateLimit -> RateLimitRead."""


class QueryFees(_Query, frozen=True):
    """userFees -> FeesRead."""


class QueryRole(_Query, frozen=True):
    """userRole of an address -> RoleRead."""

    address: str


class QueryAgents(_Query, frozen=True):
    """extraAgents of the account -> AgentsRead."""


class QueryServerTime(_Query, frozen=True):
    """exchangeStatus -> ServerTimeRead."""


Query = (
    QuerySpecs
    | QueryPositions
    | QueryOpenOrders
    | QueryOrderStatus
    | QueryFills
    | QueryFunding
    | QueryBook
    | QueryRateLimit
    | QueryFees
    | QueryRole
    | QueryAgents
    | QueryServerTime
)
