"""Keeping secrets out of errors, logs and records."""

from __future__ import annotations

import json
import re
import threading
from typing import Any
from urllib.parse import quote

from pydantic import SecretStr

# Of JSON, the name stays and the value goes, also one that was cut off.
_SHAPES = re.compile(
	r"eyJ[\w-]+\.[\w-]+\.[\w-]*"
	r"|(?<=Bearer )[^\s\"',]+"
	r"|(?P<name>\"(?:access_token|client_secret|authorization)\"\s{0,20}:\s{0,20})\"(?:[^\"\\]|\\.)*\"?",
	re.I | re.S,
)
# Shorter ones would redact half of the text.
_SHORTEST = 4


class Secrets:
	"""The secrets that a connection knows. Safe for use by several threads; shows none of them."""

	def __init__(self, *known: SecretStr) -> None:
		self._known = known
		self._guard = threading.Lock()

	def add(self, secret: SecretStr) -> None:
		"""Keep one more secret out of everything from now on."""
		with self._guard:
			if secret not in self._known:
				self._known = (*self._known, secret)

	def redacted(self, text: str, *more: SecretStr) -> str:
		"""Return text without the known secrets and `more`, however they are written, and without what looks like one."""
		for secret in (*self._known, *more):
			for form in _forms(secret):
				text = text.replace(form, "***")
		return _SHAPES.sub(lambda found: f'{found["name"]}"***"' if found["name"] else "***", text)

	def concealed(self, value: Any) -> Any:
		"""Return parsed JSON without what is called `authorization`, and without the secrets that are known."""
		if isinstance(value, dict):
			return {
				name: self.concealed(inner)
				for name, inner in value.items()
				if name.casefold() != "authorization"
			}
		if isinstance(value, list):
			return [self.concealed(inner) for inner in value]
		if isinstance(value, str):
			for secret in self._known:
				if len(plain := secret.get_secret_value()) >= _SHORTEST:
					value = value.replace(plain, "***")
		return value


def _forms(secret: SecretStr) -> list[str]:
	"""The ways a secret may be written in a body, longest first."""
	plain = secret.get_secret_value()
	forms = {plain, json.dumps(plain)[1:-1], quote(plain, safe=""), quote(plain)}
	return sorted((form for form in forms if len(form) >= _SHORTEST), key=len, reverse=True)
