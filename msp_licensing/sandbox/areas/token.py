"""POST /token."""

from __future__ import annotations

import hmac
import json
from typing import TYPE_CHECKING

from msp_licensing.sandbox.limits import TOKEN_LIFETIME_SECONDS
from msp_licensing.sandbox.web import Request, Response, Route

if TYPE_CHECKING:
	from msp_licensing.sandbox.app import App

# The spec lists two more, for vendors: a partner's credentials get no token for those.
PARTNER_AUDIENCES = ("https://api.pax8.com", "api://p8p.client")


def create_access_token(app: App, request: Request) -> Response:
	"""A bearer token for a JSON body with client_id, client_secret, audience and grant_type.

	Anything else is refused with 401 in OAuth's shape, the only refusal that the spec has here.
	"""
	try:
		asked = json.loads(request.body)
	except ValueError:
		asked = None
	if not (isinstance(asked, dict) and _entitled(app, asked)):
		return Response(401, {"error": "access_denied", "error_description": "Unauthorized"})
	return Response(
		200,
		{
			"access_token": app.tokens.issue(app.clock.timestamp()),
			"expires_in": TOKEN_LIFETIME_SECONDS,
			"token_type": "Bearer",
		},
	)


def _entitled(app: App, asked: dict[str, object]) -> bool:
	def same(name: str, wanted: str) -> bool:
		given = asked.get(name)
		return isinstance(given, str) and hmac.compare_digest(given.encode(), wanted.encode())

	return (
		same("client_id", app.config.client_id)
		and same("client_secret", app.config.client_secret)
		and asked.get("audience") in PARTNER_AUDIENCES
		and asked.get("grant_type") == "client_credentials"
	)


ROUTES = (Route("POST", "/token", "createAccessToken", create_access_token, public=True),)
