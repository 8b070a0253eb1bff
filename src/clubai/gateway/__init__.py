"""The gateway: the OpenAI-compatible front. It knows requests, never nodes."""

from clubai.gateway.app import ClientSource, gateway_routes
from clubai.gateway.limits import GatewayLimits
from clubai.gateway.serving import GatewayConfig, ServedGateway, serve_gateway

__all__ = [
    "ClientSource",
    "GatewayConfig",
    "GatewayLimits",
    "ServedGateway",
    "gateway_routes",
    "serve_gateway",
]
