"""Fixtures for tests on a real site. What a test writes is really committed; the next test starts from clean tables.

Nothing here imports Frappe at module level: pytest reads this file on machines without it, too.
"""

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timezone
from types import SimpleNamespace
from typing import Any

import pytest
from cleaning import TRACES, empty_queues, forget

OWN_TABLES = (
	"License Change Attempt",
	"License Change Event",
	"License Change Notice",
	"License Change Request",
	"Licensing Client Policy",
	"Licensing Portal User",
	"Pax8 Usage Alert",
	"Pax8 Usage Assignment",
	"Pax8 Usage Line",
	"Pax8 Usage Month",
	"Pax8 Usage Rule",
	"Pax8 Usage Snapshot",
	"Pax8 Resource Group",
	"Pax8 Subscription Change",
	"Pax8 Subscription",
	"Pax8 Product Price",
	"Pax8 Product",
	"Pax8 Company",
	"Pax8 Sync Run",
	"Pax8 Sync Warning",
	"Pax8 Webhook Event",
	"MSP Client",
	"Licensing Vendor Override",
	"Licensing Return Window",
	"Licensing Usage Amount",
	"Licensing Usage Vendor",
)


def connected() -> Iterator[Any]:
	import frappe

	os.chdir(os.environ["FRAPPE_SITES_PATH"])  # Frappe's own log files have relative paths
	frappe.init(os.environ["FRAPPE_TEST_SITE"], sites_path=".")
	frappe.connect()
	from frappe.core.doctype.user import user as users

	from msp_licensing.setup import demo

	# With each user that is saved, Frappe notes whose mail password is missing (nobody's, here) and drops every DocType
	# from its cache for it. To read them anew took a third of the time of these tests.
	users.ask_pass_update = lambda: None
	demo.finish_setup_wizard()
	demo.make_mail_account()
	frappe.db.set_single_value("System Settings", "time_zone", "UTC")
	# The schedules of a site that has had the app for long.
	frappe.db.set_value(
		"Scheduled Job Type", {"method": ("like", "msp_licensing.%")}, "creation", "2020-01-01 00:00:00"
	)
	frappe.db.commit()
	yield frappe
	frappe.db.rollback()
	frappe.destroy()


@pytest.fixture(scope="session")
def frappe_site() -> Iterator[Any]:
	"""Frappe, connected to the site that `make test` made for this run."""
	yield from connected()


@pytest.fixture
def site(frappe_site: Any) -> Iterator[Any]:
	"""The site, with none of the app's records, default settings, Administrator, and empty queues."""
	frappe = frappe_site
	clean(frappe)
	yield frappe
	frappe.set_user("Administrator")
	frappe.db.rollback()


def clean(frappe: Any) -> None:
	"""None of the app's records, default settings, no people but those of the demo, empty queues.

	As a whole once more where a request that has just been answered still writes when its user was last seen.
	"""
	from msp_licensing import transactions

	frappe.flags.repeats = False
	transactions.repeat(lambda: _clean(frappe))


def _clean(frappe: Any) -> None:
	frappe.db.rollback()
	frappe.set_user("Administrator")
	frappe.local.message_log = []
	for doctype in (*_own_tables(frappe), *TRACES):
		# nosemgrep: frappe-sql-format-injection - names of tables come from this code, values are parameters
		frappe.db.sql(f"delete from `tab{doctype}`")
	# The people of the demo stay: making a user takes most of a second. Those that a test makes go.
	from msp_licensing.setup.demo import PEOPLE, roles_of

	roles = {person.email: roles_of(person) for person in PEOPLE}
	kept = set(roles)
	others = [
		name
		for name in frappe.get_all("User", {"name": ("like", "%.example")}, pluck="name")
		if name not in kept
	]
	frappe.db.set_value("User", {"name": ("in", list(kept))}, {"language": None, "enabled": 1})
	contacts = frappe.get_all("Contact", fields=["name", "email_id"])
	_remove_contacts(frappe, [contact.name for contact in contacts if contact.email_id not in kept])
	for table, column in (("Has Role", "parent"), ("Notification Settings", "name"), ("User", "name")):
		frappe.db.delete(table, {column: ("in", others or [""])})
	frappe.db.delete("__Auth", {"doctype": "User", "name": ("in", others or [""])})
	# What a test gave them goes; with ERPNext, a User that is saved may get its role Customer, too.
	for user, given in roles.items():
		frappe.db.delete("Has Role", {"parent": user, "role": ("not in", given)})
	frappe.flags.setting_role = False  # as when a request begins
	for doctype in ("Pax8 Settings", "Licensing Settings"):
		frappe.db.delete("Singles", {"doctype": doctype})
	frappe.db.delete("__Auth", {"doctype": "Pax8 Settings"})
	frappe.db.commit()
	forget(frappe)
	empty_queues(frappe)
	if _default_settings:
		for table, rows in _default_settings.items():
			_insert(frappe, table, rows)
	else:
		from msp_licensing.setup.install import make_default_settings

		make_default_settings()
		_default_settings.update(_read(frappe, ("Singles", "Licensing Return Window")))
	frappe.db.commit()


CONTACT_TABLES = ("Contact", "Contact Email", "Contact Phone", "Dynamic Link")


def _remove_contacts(frappe: Any, names: list[str]) -> None:
	for table in CONTACT_TABLES[1:]:
		frappe.db.delete(table, {"parenttype": "Contact", "parent": ("in", names or [""])})
	frappe.db.delete("Contact", {"name": ("in", names or [""])})


# The rows of both Singles as Frappe saves them when the app is installed.
_default_settings: dict[str, list[dict[str, Any]]] = {}


def _own_tables(frappe: Any) -> tuple[str, ...]:
	"""With ERPNext, its Customers are the clients. This site has no others."""
	return (*OWN_TABLES, *(("Customer",) if "erpnext" in frappe.get_installed_apps() else ()))


@pytest.fixture(scope="session")
def sandbox_server() -> Iterator[Any]:
	from msp_licensing.sandbox import Sandbox

	# A fixed start of its clock, so that a reset brings back the very same data.
	now = datetime.now(timezone.utc).replace(microsecond=0)
	with Sandbox(seed=1, companies=6, products=24, subscriptions=40, now=now) as sandbox:
		yield sandbox


AS_NEW = {"provisioning_seconds": 0.0, "rate_limit": 0}


@pytest.fixture(scope="session")
def settings_made() -> dict[str, Any]:
	"""The settings of a site connected to the sandbox, as they were first saved: to save them takes a fifth of a second."""
	return {}


@pytest.fixture
def empty_sandbox(site: Any, sandbox_server: Any, settings_made: dict[str, Any]) -> Any:
	"""The sandbox as new, and a site connected to it (Live), with nothing synced yet."""
	from msp_licensing.setup import demo

	sandbox_server.reset(**AS_NEW)
	if settings_made:
		_restore(site, settings_made)
		return sandbox_server
	demo.connect(sandbox_server.url)
	site.db.set_single_value("Pax8 Settings", "calls_per_minute", 100_000)
	site.clear_document_cache("Pax8 Settings", "Pax8 Settings")
	site.db.commit()
	settings_made.update(_read(site, ("Singles", "__Auth")))
	return sandbox_server


@pytest.fixture(scope="session")
def synced() -> dict[str, Any]:
	"""The tables as the first real sync of this session left them, to start each further test from."""
	return {}


@pytest.fixture
def sandbox(request: Any, site: Any, sandbox_server: Any, synced: dict[str, Any]) -> Any:
	"""The sandbox, with the site synced and two clients mapped. Policy: no approval up to 50 %, self-service on."""
	from msp_licensing.setup import demo
	from msp_licensing.sync import jobs

	if synced:
		sandbox_server.reset(**AS_NEW)
		_restore(site, synced)
		return sandbox_server
	request.getfixturevalue("empty_sandbox")
	demo.choose_policy()
	for client in (demo.CEDAR, demo.MUELLER):
		demo.make_client(client)
	for kind in ("Companies", "Subscriptions", "Products"):
		assert jobs.run(kind, trigger="Manual")
		if kind == "Companies":
			demo.map_companies()
	site.db.commit()
	empty_queues(site)
	synced.update(_read(site, (*_own_tables(site), "Singles", "__Auth")))
	return sandbox_server


def _read(frappe: Any, tables: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
	return {
		# nosemgrep: frappe-sql-format-injection - names of tables come from this code, values are parameters
		table: frappe.db.sql(f"select * from {_quoted(table)}{_own_rows(table)}", as_dict=True)
		for table in tables
	}


def _restore(frappe: Any, tables: dict[str, Any]) -> None:
	for table, rows in tables.items():
		# nosemgrep: frappe-sql-format-injection - names of tables come from this code, values are parameters
		frappe.db.sql(f"delete from {_quoted(table)}{_own_rows(table)}")
		_insert(frappe, table, rows)
	frappe.db.commit()
	forget(frappe)


def _insert(frappe: Any, table: str, rows: list[dict[str, Any]]) -> None:
	if not rows:
		return
	columns = list(rows[0])
	names = ", ".join(f"`{column}`" for column in columns)
	group = "(" + ", ".join(["%s"] * len(columns)) + ")"
	# nosemgrep: frappe-sql-format-injection - names of tables come from this code, values are parameters
	frappe.db.sql(
		f"insert into {_quoted(table)} ({names}) values {', '.join([group] * len(rows))}",
		[row[column] for row in rows for column in columns],
	)


def _quoted(table: str) -> str:
	return f"`{table}`" if table == "__Auth" else f"`tab{table}`"


def _own_rows(table: str) -> str:
	if table == "Dynamic Link":
		return " where parenttype = 'Contact'"
	own = table in ("Singles", "__Auth")
	return " where doctype in ('Pax8 Settings', 'Licensing Settings')" if own else ""


@pytest.fixture(scope="session")
def access_made() -> dict[str, list[dict[str, Any]]]:
	"""The records that give the people of the demo access, and their Contacts, as they were first made."""
	return {}


@pytest.fixture
def people(site: Any, sandbox: Any, access_made: dict[str, list[dict[str, Any]]]) -> Any:
	"""The people of the demo, as e-mail addresses: system_manager, manager, requester, reader, foreign_requester, foreign_reader, approver."""
	from msp_licensing.setup import demo

	def made(person: Any) -> bool:
		return bool(site.db.exists("Has Role", {"parent": person.email, "role": person.role}))

	# An earlier test may have linked them to another client by a Contact: ERPNext shows orders and issues by these.
	emails = [person.email for person in demo.PEOPLE]
	_remove_contacts(site, site.get_all("Contact", {"email_id": ("in", emails)}, pluck="name"))
	if access_made and all(map(made, demo.PEOPLE)):
		for table, rows in access_made.items():
			_insert(site, table, rows)
	else:
		demo.make_people()
		access_made.update(_read(site, ("Licensing Portal User", *CONTACT_TABLES)))
	site.db.commit()
	staff, cedar, mueller = (
		("system_manager", "manager"),
		("requester", "reader"),
		("foreign_requester", "foreign_reader"),
	)
	names = (*staff, *cedar, *mueller, "approver")
	return SimpleNamespace(**{name: person.email for name, person in zip(names, demo.PEOPLE, strict=True)})


@pytest.fixture(scope="session")
def users_made() -> dict[tuple[str, str | None, str], dict[str, Any]]:
	"""The rows of each user a test of this session made: Frappe takes most of a second to make one."""
	return {}


@pytest.fixture
def make_portal_user(site: Any, users_made: dict[Any, Any]) -> Callable[[str, str | None, str], str]:
	"""Makes a user with a role, and with access to `client` if one is given: make_portal_user(email, client, role)."""
	from msp_licensing.setup import demo

	def make(email: str, client: str | None, role: str) -> str:
		key = (email, client, role)
		if key in users_made and not site.db.exists("User", email):
			for table, rows in users_made[key].items():
				_insert(site, table, rows)
			site.clear_cache(user=email)
		else:
			new = not site.db.exists("User", email)
			demo.make_user(demo.Person(email, email.split("@")[0].title(), "Test", role, client))
			if new:
				users_made[key] = _rows_of_user(site, email)
		site.db.commit()
		return email

	return make


def _rows_of_user(frappe: Any, email: str) -> dict[str, list[dict[str, Any]]]:
	contact = frappe.db.get_value("Contact", {"email_id": email})
	filters = {
		"User": {"name": email},
		"Has Role": {"parenttype": "User", "parent": email},
		"Notification Settings": {"name": email},
		"DocShare": {"user": email},
		"Licensing Portal User": {"user": email},
		"Contact": {"name": contact},
		"Contact Email": {"parent": contact},
		"Dynamic Link": {"parenttype": "Contact", "parent": contact},
		"__Auth": {"doctype": "User", "name": email},
	}
	rows = {}
	for table, values in filters.items():
		where = " and ".join(f"{column} = %({column})s" for column in values)
		# nosemgrep: frappe-sql-format-injection - names of tables come from this code, values are parameters
		rows[table] = frappe.db.sql(f"select * from {_quoted(table)} where {where}", values, as_dict=True)
	return rows


@pytest.fixture
def as_user(site: Any) -> Callable[[str], Any]:
	"""`with as_user(email):` acts as that user, then as Administrator again."""
	from contextlib import contextmanager

	@contextmanager
	def act(user: str) -> Iterator[None]:
		site.set_user(user)
		try:
			yield
		finally:
			site.set_user("Administrator")

	return act


@pytest.fixture
def restrict(site: Any) -> Callable[..., None]:
	"""restrict(user, client, …): a User Permission for a client of the demo, or for any record with `allow`."""
	from msp_licensing.setup import demo

	def give(user: str, client: str, allow: str | None = None, **values: Any) -> None:
		site.get_doc(
			{
				"doctype": "User Permission",
				"user": user,
				"allow": allow or demo.site_client_doctype(),
				"for_value": client,
				"apply_to_all_doctypes": int(not values.get("applicable_for")),
				**values,
			}
		).insert(ignore_permissions=True)
		site.db.commit()

	return give


@pytest.fixture
def ran(site: Any) -> Callable[..., str]:
	"""Writes the record of a run: ran(kind, hours=…), `hours` ago; returns its name."""

	def write(kind: str, *, hours: float, status: str = "Completed", **values: Any) -> str:
		from msp_licensing import clock

		begun = clock.before(hours=hours)
		record = site.get_doc(
			{
				"doctype": "Pax8 Sync Run",
				"kind": kind,
				"status": status,
				"trigger": "Schedule",
				**clock.at("started_on", begun),
				**({} if status == "Running" else clock.at("finished_on", begun)),
				"reached_end": int(status == "Completed"),
				**values,
			}
		).insert(ignore_links=True)
		site.db.set_value("Pax8 Sync Run", record.name, "creation", clock.to_site(begun))
		site.db.commit()
		return record.name

	return write


@pytest.fixture
def worker(site: Any) -> Iterator[Any]:
	"""A worker that listens to the long queue and takes nothing."""
	from frappe.utils.background_jobs import get_queue, get_redis_conn
	from rq import Worker

	worker = Worker([get_queue("long")], connection=get_redis_conn())
	worker.register_birth()
	yield worker
	worker.register_death()


@pytest.fixture
def lock(site: Any) -> Iterator[Callable[[str], None]]:
	"""lock(kind): holds the lock of a run, as a worker does while one is going."""
	from msp_licensing.sync.lock import RunLock

	held = []

	def take(kind: str) -> None:
		held.append(RunLock(kind))
		assert held[-1].acquire()

	yield take
	for one in held:
		one.release()


@pytest.fixture
def schedule(site: Any) -> Iterator[Callable[..., None]]:
	"""schedule(kind, stopped=1, …): changes the Scheduled Job Type of a kind; afterwards all are as they were."""
	tasks = {"method": ("like", "msp_licensing.tasks.%")}
	before = site.get_all("Scheduled Job Type", filters=tasks, fields=["*"])

	def change(kind: str, **values: Any) -> None:
		job = {"method": f"msp_licensing.tasks.sync_pax8_{kind.lower()}"}
		site.db.set_value("Scheduled Job Type", job, values)
		site.db.commit()

	yield change
	for job in before:
		values = {key: job[key] for key in ("method", "cron_format", "stopped", "last_execution")}
		site.db.set_value("Scheduled Job Type", job.name, values)
	site.db.commit()


@pytest.fixture
def signed_in(site: Any) -> Iterator[Callable[[int], None]]:
	"""signed_in(days): the last time somebody signed in was so many days ago."""

	def write(days: int) -> None:
		when = site.utils.add_days(site.utils.now_datetime(), -days)
		site.db.delete("Activity Log")
		name = site.get_doc({"doctype": "Activity Log", "subject": "Signed in"}).insert().name
		site.db.set_value("Activity Log", name, {"modified": when, "creation": when}, update_modified=False)
		site.db.commit()

	yield write
	site.db.delete("Activity Log", {"subject": "Signed in"})
	site.db.commit()


@pytest.fixture(scope="module")
def server(frappe_site: Any) -> Iterator[str]:
	"""Frappe's own WSGI application, in threads of this process: each request has its own database connection."""
	import frappe.app
	from werkzeug.serving import WSGIRequestHandler, make_server

	class Quiet(WSGIRequestHandler):
		def log(self, *args: Any, **kwargs: Any) -> None:
			pass

	before = frappe.app._site, frappe.app._sites_path
	frappe.app._site, frappe.app._sites_path = os.environ["FRAPPE_TEST_SITE"], "."
	web = make_server("127.0.0.1", 0, frappe.app.application, threaded=True, request_handler=Quiet)
	thread = threading.Thread(target=web.serve_forever, daemon=True)
	thread.start()
	yield f"http://127.0.0.1:{web.server_port}"
	web.shutdown()
	thread.join(5)
	frappe.app._site, frappe.app._sites_path = before


@pytest.fixture
def visit(server: str, people: Any) -> Iterator[Callable[..., Any]]:
	"""`visit(user)` signs a user in and opens the page; `visit()` is a guest."""
	from visitor import Visitor

	visitors = []

	def arrive(user: str | None = None) -> Any:
		visitor = Visitor(server)
		visitors.append(visitor)
		if user:
			visitor.sign_in(user).page()
		return visitor

	yield arrive
	for visitor in visitors:
		visitor.http.close()


@pytest.fixture
def rig(site: Any, sandbox: Any) -> Any:
	"""A synced site, a sandbox that has changed since, and faults to come between them: see faulty.Rig."""
	from faulty import Rig

	return Rig(site, sandbox)


@pytest.fixture
def small_pages(monkeypatch: Any) -> int:
	"""Lists of several pages, small as the tests' are: Pax8's own pages hold 200 rows."""
	from msp_licensing.pax8 import walk

	monkeypatch.setattr(walk, "PAGE_SIZE", 4)
	return 4


@pytest.fixture
def usage(site: Any, sandbox: Any, monkeypatch: Any) -> Iterator[Any]:
	"""A synced site and the usage of the sandbox, at noon of 14 March 2027 (UTC): see usage_helpers.Usage.

	Whatever a test does: what is kept of usage is at its end what is computed anew.
	"""
	from kept_answers import KeptAnswers
	from moving_clock import MovingClock
	from usage_helpers import START, Clocks, Usage

	found = Usage(site, sandbox, Clocks(MovingClock(monkeypatch), sandbox))
	found.clocks.set(START)
	kept = KeptAnswers(monkeypatch)
	yield found
	kept.check(site)
