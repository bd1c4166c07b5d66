"""What tests leave behind, and how it goes. A module of its own: "conftest" is the name of several."""

from pathlib import Path
from typing import Any

TRACES = (
	"Notification Log",
	"ToDo",
	"Email Queue",
	"Email Queue Recipient",
	"Workflow Action",
	"Workflow Action Permitted Role",
	"Version",
	"Comment",
	"DocShare",
	"User Permission",
	"Error Log",
)


def clean_requests(frappe: Any) -> None:
	"""No requests, and none of the traces they leave."""
	own = ("Request", "Attempt", "Event", "Notice")
	for doctype in (*(f"License Change {name}" for name in own), *TRACES):
		# nosemgrep: frappe-sql-format-injection - names of tables come from this code, values are parameters
		frappe.db.sql(f"delete from `tab{doctype}`")
	frappe.db.commit()


# What Frappe's cache keeps of DocTypes and apps: no test leaves it changed (what changes a DocType also drops it from
# the cache), and to read it anew takes most of a second.
SCHEMA = (
	"active_domains",
	"all_apps",
	"app_hooks",
	"app_modules",
	"db_tables",
	"doctype_form_meta",
	"doctype_meta",
	"doctype_modules",
	"installed_app_modules",
	"installed_apps",
	"is_table",
	"module_app",
	"module_installed_app",
	"table_columns",
)


def forget(frappe: Any) -> None:
	"""`frappe.clear_cache()`, but for SCHEMA: for what was written behind Frappe's back."""
	from frappe.utils import cstr

	kept = {cstr(frappe.cache.make_key(key)) for key in SCHEMA}
	ours = getattr(frappe, "client_cache", None)  # Frappe 16: what this process keeps besides Redis
	keys = {*frappe.cache.get_keys(""), *(ours.cache if ours else ())}
	gone = [key for key in keys if cstr(key).split("::", 1)[0] not in kept]
	frappe.cache.delete_value(gone, make_keys=False)
	if ours:
		# By itself that happens a moment later, when Redis says so.
		for key in gone:
			ours.cache.pop(key, None)
			ours.cache.pop(cstr(key).encode(), None)
	frappe.local.cache = {}
	frappe.db.value_cache.clear()
	for name in ("system_settings", "website_settings"):
		if hasattr(frappe.local, name):
			delattr(frappe.local, name)
	# Which tables refer to which DocTypes is found out anew in each request.
	frappe.local.dynamic_link_map = None
	# With this go what the process remembers and the website's routes.
	frappe.clear_cache(user="Administrator")


def empty_queues(frappe: Any) -> None:
	"""No jobs, and nothing of workers that were killed: RQ takes one for alive for minutes, and its lock for half of one."""
	from frappe.utils.background_jobs import get_queue, get_redis_conn
	from rq import Worker

	for name in ("short", "default", "long"):
		get_queue(name).empty()
	redis = get_redis_conn()
	for worker in Worker.all(connection=redis):
		if not Path(f"/proc/{worker.pid}").exists():
			worker.register_death()
	for key in redis.keys(f"rq:msp_licensing:{frappe.conf.db_name}:sync:*"):
		owner = (redis.get(key) or b"").decode().split(":")  # host, process, and a word
		if len(owner) == 3 and not Path(f"/proc/{owner[1]}").exists():
			redis.delete(key)
