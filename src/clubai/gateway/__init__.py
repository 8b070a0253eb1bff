"""The gateway: the OpenAI-compatible front. It knows requests, never nodes."""

from clubai.gateway.app import ClientSource, gateway_routes
from clubai.gateway.limits import GatewayLimits

__all__ = ["ClientSource", "GatewayLimits", "gateway_routes"]
