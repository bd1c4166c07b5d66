"""One of Pax8's OpenAPI files as openapi-core reads it, with what Pax8's files need besides."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from jsonschema import ValidationError
from openapi_core import Config, OpenAPI
from openapi_core.datatypes import RequestParameters
from openapi_core.security.exceptions import SecurityProviderError
from openapi_core.security.factories import SecurityProviderFactory
from openapi_core.security.providers import BaseProvider


class _Bearer(BaseProvider):
	"""What the files call OAuth2 is a bearer token in the header; openapi-core itself looks at no OAuth2."""

	def __call__(self, parameters: RequestParameters) -> str:
		header = parameters.header.get("Authorization", "")
		if not header.startswith("Bearer "):
			raise SecurityProviderError("no bearer token")
		return header.removeprefix("Bearer ")


class _Security(SecurityProviderFactory):
	PROVIDERS = {"oauth2": _Bearer}


def _is_day(value: object) -> bool:
	return not isinstance(value, str) or re.fullmatch(r"\d{4}-\d{2}-\d{2}", value) is not None


class Document:
	"""One of the files, and openapi-core's reading of it."""

	def __init__(self, content: Mapping[str, Any]) -> None:
		self.content = content
		self.base: str = content["servers"][0]["url"]
		"""The address that all paths of the file are below."""
		config = Config(
			extra_format_validators={"yyyy-MM-dd": _is_day}, security_provider_factory=_Security()
		)
		self.api = OpenAPI.from_dict(content, config=config)

	@property
	def schemas(self) -> Mapping[str, Any]:
		"""The schemas by name."""
		return self.content["components"]["schemas"]

	def errors_by_name(self, name: str, value: Any) -> Iterator[ValidationError]:
		"""What is wrong with a value by one of the schemas."""
		judge = self.api.response_validator
		schema = judge.schema_validators_factory.create(
			judge.spec, judge.spec / "components" / "schemas" / name,
			format_validators=judge.format_validators, extra_format_validators=judge.extra_format_validators,
		)  # fmt: skip
		return schema.validator.iter_errors(value)

	def undeclared(self, schema: Mapping[str, Any], value: Any, name: str) -> Iterator[tuple[str, Any, str]]:
		"""Fields that no schema declares: name, value, and the name of what they are in.

		openapi-core can forbid them too, but then each part of an allOf forbids what the other parts declare.
		"""
		if isinstance(value, list):
			for item in value:
				yield from self.undeclared(self._resolved(schema).get("items", {}), item, name)
		if not isinstance(value, dict):
			return
		declared = self._properties(schema)
		for key, item in value.items():
			if key in declared:
				yield from self.undeclared(declared[key], item, key)
			elif not self._is_open(schema):
				yield key, item, name

	def _is_open(self, schema: Mapping[str, Any]) -> bool:
		"""Whether the schema says that an object may hold more than it declares."""
		schema = self._resolved(schema)
		return "additionalProperties" in schema or any(
			self._is_open(part) for part in schema.get("allOf", ())
		)

	def _resolved(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
		reference = schema.get("$ref")
		return self.schemas[reference.rsplit("/", 1)[1]] if reference else schema

	def _properties(self, schema: Mapping[str, Any]) -> dict[str, Any]:
		schema = self._resolved(schema)
		properties = dict(schema.get("properties", {}))
		for part in schema.get("allOf", ()):
			properties.update(self._properties(part))
		return properties
