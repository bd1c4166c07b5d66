"""Whether what is kept of usage (`usage.kept`) is still what would be computed anew."""

from typing import Any


class KeptAnswers:
	"""Remembers what was asked in a test, by whom, and asks again at its end, when all has happened that the test is about."""

	def __init__(self, monkeypatch: Any) -> None:
		from msp_licensing.usage import amounts, group_months

		self._asked: dict[str, tuple[str, Any, Any, Any]] = {}
		for module in (amounts, group_months):
			for name, function in vars(module).items():
				if hasattr(function, "__wrapped__") and function.__module__ == module.__name__:
					monkeypatch.setattr(module, name, self._remembering(function))

	def _remembering(self, function: Any) -> Any:
		import frappe

		def read(*args: Any, **kwargs: Any) -> Any:
			asked = (frappe.session.user, function, args, kwargs)
			self._asked[repr(asked)] = asked
			return function(*args, **kwargs)

		return read

	def check(self, site: Any) -> None:
		site.db.rollback()
		user = site.session.user
		for who, function, args, kwargs in self._asked.values():
			if not site.db.exists("User", who):
				continue
			site.set_user(who)
			kept, anew = function(*args, **kwargs), function.__wrapped__(*args, **kwargs)
			site.set_user(user)
			assert kept == anew, f"{function.__qualname__}{args}{kwargs}: kept {kept}, anew {anew}"
