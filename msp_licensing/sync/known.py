"""Subscriptions that come just as they did when they were stored: they are not even read.

That is most of them in most hours, and reading one costs more than all else that a sync does with it. So next to the
fingerprint of a stored row there is one of what Pax8 sent. Whoever stores a row otherwise stores no such print with it.
"""

from collections.abc import Collection, Mapping
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any

from pydantic_core import PydanticSerializationError, to_json

from msp_licensing.pax8 import Subscription, models
from msp_licensing.sync.mirror import PRINT, Mirror

# What is read of a subscription: other fields may come and change as they like.
_FIELDS = (*(field.alias or name for name, field in Subscription.model_fields.items()), "commitment")


class KnownSubscriptions:
	"""Tells a walk which subscriptions need not be read (a `Recogniser` of `msp_licensing.pax8.walk`).

	Args:
		mapped: ids of companies whose subscriptions are kept.
		vendors: vendor by product id; a row carries none, and is made with it.
	"""

	def __init__(
		self, mirror: Mirror, run: Any, mapped: Collection[str], vendors: Mapping[str, str | None]
	) -> None:
		self._mirror, self._run, self._mapped, self._vendors = mirror, run, mapped, vendors
		self._code = _code_that_reads()
		self._sent: dict[str, bytes] = {}

	def knows(self, row: Mapping[str, Any]) -> bool:
		name, company, product = row.get("id"), row.get("companyId"), row.get("productId")
		if not (isinstance(name, str) and isinstance(company, str) and isinstance(product, str)):
			return False
		# A subscription that comes without a name has its product's, which may change.
		if company not in self._mapped or not row.get("productName"):
			return False
		try:
			content = to_json([*map(row.get, _FIELDS)])
		except PydanticSerializationError:
			return False
		sent = blake2b(content, digest_size=PRINT, salt=self._code).digest()
		if product in self._vendors and self._mirror.knows(name, _with_vendor(sent, self._vendors[product])):
			return True
		# A row that moves while the list is read may come twice, and not be the same: then no print is kept.
		if self._sent.setdefault(name, sent) != sent:
			self._sent[name] = b""
		return False

	def sent(self, name: str, vendor: str | None) -> bytes:
		"""What to store with a row that was read, to know it by the next time; empty if there is nothing."""
		sent = self._sent.pop(name, b"")
		return _with_vendor(sent, vendor) if sent else b""

	def pass_over(self, ids: list[str]) -> None:
		self._mirror.pass_over(ids)
		self._run.progress(self._mirror)


def _with_vendor(sent: bytes, vendor: str | None) -> bytes:
	return blake2b((vendor or "").encode(), digest_size=PRINT, key=sent).digest()


@cache
def _code_that_reads() -> bytes:
	"""A print of the code that makes rows of what Pax8 sends: with other code nothing is known any more."""
	here = Path(__file__).parent
	files = [here / "subscriptions.py", here / "mirror.py", *Path(models.__file__).parent.glob("*.py")]
	digest = blake2b(digest_size=blake2b.SALT_SIZE)
	for file in sorted(files):
		digest.update(file.read_bytes())
	return digest.digest()
