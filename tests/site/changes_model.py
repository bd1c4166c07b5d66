"""A model of what becomes of change requests, written from their promises and not from their code.

A step is a name and some whole numbers, which pick what it is about: any numbers fit any state, so that histories can be
made up at random, cut down, and kept as text. After every step all promises are checked.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta, timezone, tzinfo
from typing import Any

from changes_model_checks import Checks, Intent, Put, Release, Truth
from changes_model_clients import Clients
from changes_model_machines import Machines
from changes_model_staff import Staff
from changes_model_tables import DT, OPEN, SUBSCRIPTIONS, WAITING
from faulty import put_back, raw

from msp_licensing.frappe_version import MAJOR

Step = tuple[Any, ...]

# A Monday.
START = datetime(2026, 6, 15, 9, 30, tzinfo=timezone.utc)


class World(Clients, Staff, Machines, Checks):
	"""The site, the sandbox, and what the model knows of both. `play` takes a history; after each step all is checked."""

	def __init__(self, site: Any, sandbox: Any, people: Any, monkeypatch: Any) -> None:
		from msp_licensing.changes import apply
		from msp_licensing.sync import connection

		self.site, self.sandbox, self.people = site, sandbox, people
		self.seen: Counter[str] = Counter()
		"""What came about, over all histories: a model that never meets a fault proves nothing."""
		self.tables = raw(site, ("Pax8 Subscription", "Pax8 Subscription Change"))
		self.moved = timedelta(0)
		usual = connection.client

		def client(**options: Any) -> Any:
			retries = min(options.pop("max_retries", 1), 1)
			return usual(**{**options, "max_retries": retries, "timeout": 5, "sleep": lambda seconds: None})

		monkeypatch.setattr(connection, "client", client)
		monkeypatch.setattr(apply, "READ_BACK_AFTER", (0, 0))
		# Half of the time would go into mails; the bell rings all the same.
		monkeypatch.setattr("frappe.sendmail", lambda **options: None)
		self._move_the_sites_clock(monkeypatch)

	def _move_the_sites_clock(self, monkeypatch: Any) -> None:
		from frappe.utils import data

		from msp_licensing import clock

		usual = data.convert_utc_to_system_timezone
		monkeypatch.setattr(data, "convert_utc_to_system_timezone", lambda utc: usual(utc + self.moved))
		if MAJOR >= 16:  # it asks for the time in the site's zone
			world, zone = self, data.ZoneInfo

			class Ahead(tzinfo):
				def __init__(self, key: str) -> None:
					self.zone = zone(key)

				def fromutc(self, moment: datetime) -> datetime:
					moved = moment.replace(tzinfo=self.zone) + world.moved
					return self.zone.fromutc(moved).replace(tzinfo=self)

				def utcoffset(self, moment: datetime | None) -> timedelta | None:
					return self.zone.utcoffset(moment)

				def dst(self, moment: datetime | None) -> timedelta | None:
					return self.zone.dst(moment)

			monkeypatch.setattr(data, "ZoneInfo", Ahead)
		real = clock.utc_now
		monkeypatch.setattr(clock, "utc_now", lambda: real() + self.moved)
		self.moved = timedelta(days=400)
		ahead = data.now_datetime() - datetime.now()
		assert timedelta(days=398) < ahead < timedelta(days=402), "the site's clock is not moved this way"

	def begin(self) -> None:
		"""No requests, the usual policy, and the sandbox as it was."""
		from cleaning import clean_requests, empty_queues

		self.site.db.rollback()
		self.site.set_user("Administrator")
		self.sandbox.faults.clear()
		self.sandbox.reset(provisioning_seconds=0.0, rate_limit=0)
		self.sandbox.clock.freeze()
		self.sandbox.clock.set(START)
		self.moved = START - datetime.now(timezone.utc)
		clean_requests(self.site)
		put_back(self.site, self.tables)
		self.site.db.sql("delete from `tabLicensing Client Policy`")
		self.site.db.sql("update `tabPax8 Product` set hold_changes = 0")
		empty_queues(self.site)
		self.released: dict[str, Release] = {}
		self.puts: dict[str, list[Put]] = {}
		self.waits_since: dict[str, Any] = {}
		self.rules: dict[str, dict[str, Any]] = {}
		self.client_policies: dict[str, dict[str, Any]] = {}
		self.set_mode(0)
		self.set_policy(0)
		self.rows = self.look()

	def play(self, steps: Sequence[Step]) -> None:
		"""Plays a history from its beginning to the end of all its requests."""
		self.begin()
		self.go_on(steps)
		self.end()

	def go_on(self, steps: Sequence[Step]) -> None:
		for place, (name, *numbers) in enumerate(steps):
			with self.told(f"in step {place}: {(name, *numbers)}"):
				self.step(name, *numbers)

	def step(self, name: str, *numbers: int) -> None:
		"""One thing that happens, and the look at all of it."""
		self.act(lambda: getattr(self, name)(*numbers))

	def act(self, act: Callable[[], None]) -> None:
		self.intent = Intent("nothing")
		self.truth_before = self.truth()
		self.sandbox.app.calls.clear()
		try:
			act()
		finally:
			self.sandbox.faults.clear()
		self.check()

	# ------------------------------------------------------------------------------------------------- what is so

	def truth(self) -> dict[str, Truth]:
		wires = {name: self.sandbox.subscription(name) for name in SUBSCRIPTIONS}
		return {name: Truth(wire["quantity"], wire["status"]) for name, wire in wires.items()}

	def look(self) -> dict[str, Any]:
		self.site.db.rollback()
		rows = self.site.db.sql(f"select * from `tab{DT}` order by creation", as_dict=True)
		return {row.name: row for row in rows}

	def target(self, row: Any) -> int:
		return row.approved_quantity or row.requested_quantity

	# ------------------------------------------------------------------------------------------------- how it ends

	def end(self) -> None:
		"""Without further trouble every request ends: what waits for a decision by its time, all others by themselves."""
		with self.told("at the end"):
			self.step("set_mode", 0)
			self.sandbox.configure(provisioning_seconds=0.0)
			for _round in range(40):
				if not self._on_their_way():
					break
				self.step("travel_to_due" if self._scheduled_only() else "travel", 5)
				self.step("nightly")
				self.step("follow_up")
				while self.jobs():
					self.step("work", 0, 0, 0, 0)
			assert not self._on_their_way(), f"this never ends: {self._on_their_way()}"
			self.act(lambda: self.save_settings(pending_expiry_days=3))
			self.step("travel", 7)
			self.step("nightly")
			waiting = self._in(WAITING)
			assert not waiting, f"nobody decides these, and they do not expire: {waiting}"

	def _in(self, states: Sequence[str]) -> dict[str, Any]:
		return {
			name: (row.workflow_state, row.pax8_message)
			for name, row in self.rows.items()
			if row.workflow_state in states
		}

	def _on_their_way(self) -> dict[str, Any]:
		return self._in([state for state in OPEN if state not in WAITING])

	def _scheduled_only(self) -> bool:
		return {state for state, _said in self._on_their_way().values()} == {"Scheduled"}
