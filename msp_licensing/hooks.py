from msp_licensing.doors import table as _doors
from msp_licensing.frappe_version import desk_path as _desk_path

app_name = "msp_licensing"
app_title = "MSP Licensing"
app_publisher = "The MSP Licensing authors"
app_description = (
	"Pax8 licenses in Frappe and ERPNext: sync, client self-service, approvals and proven changes"
)
app_email = "hello@example.com"
app_license = "MIT"
app_logo_url = "/assets/msp_licensing/images/logo.svg"

add_to_apps_screen = [
	{
		"name": app_name,
		"logo": app_logo_url,
		"title": app_title,
		"route": _desk_path("msp-licensing"),
		"has_permission": "msp_licensing.permissions.may_open_app",
	}
]

after_install = "msp_licensing.setup.install.after_install"
after_migrate = "msp_licensing.setup.install.after_migrate"
before_uninstall = "msp_licensing.setup.uninstall.before_uninstall"

# ERPNext's Customer shows its portal users, as MSP Client does; a user shows for which clients.
doctype_js = {
	"Customer": ["public/js/customer.js", "public/js/usage_trend.js"],
	"User": "public/js/user.js",
	"Licensing Client Policy": "public/js/what_if.js",
	"Licensing Settings": [
		"public/js/what_if.js",
		"public/js/paged_table.js",
		"public/js/product_catalog.js",
		"public/js/self_service_rules.js",
		"public/js/vendor_changes.js",
	],
	"MSP Client": "public/js/usage_trend.js",
	"Pax8 Company": "public/js/usage_trend.js",
	"Pax8 Product": "public/js/vendor_changes.js",
	"Pax8 Resource Group": [
		"public/js/usage_amounts.js",
		"public/js/usage_assign.js",
		"public/js/usage_trend.js",
	],
	"Pax8 Subscription": "public/js/usage_trend.js",
	"Pax8 Usage Alert": "public/js/usage_trend.js",
	"Pax8 Usage Line": "public/js/usage_amounts.js",
	"Pax8 Usage Month": "public/js/usage_amounts.js",
	"Pax8 Usage Snapshot": "public/js/usage_amounts.js",
	"Pax8 Settings": "public/js/webhooks.js",
}

override_doctype_dashboards = {"Customer": "msp_licensing.access.erpnext.customer_connections"}

# Deny by default: these only ever take away what a DocPerm gives.
_OWN_DOCTYPES = (
	"License Change Attempt",
	"License Change Event",
	"License Change Notice",
	"License Change Request",
	"Licensing Client Policy",
	"Licensing Portal User",
	"MSP Client",
	"Pax8 Company",
	"Pax8 Product",
	"Pax8 Resource Group",
	"Pax8 Subscription",
	"Pax8 Subscription Change",
	"Pax8 Sync Run",
	"Pax8 Sync Warning",
	"Pax8 Usage Alert",
	"Pax8 Usage Assignment",
	"Pax8 Usage Line",
	"Pax8 Usage Month",
	"Pax8 Usage Rule",
	"Pax8 Usage Snapshot",
	"Pax8 Webhook Event",
)
# Comes with the meta of each of these DocTypes, so that every screen of Frappe knows how their texts are shown.
doctype_list_js = dict.fromkeys(
	(*_OWN_DOCTYPES, "Licensing Settings", "Pax8 Settings"), "public/js/plain_text.js"
)
# What the reports share is there before their own scripts are: each comes with the meta of the DocType that it is of.
_reports_js = ["public/js/plain_text.js", "public/js/reports.js"]
doctype_list_js["License Change Request"] = _reports_js
doctype_list_js["Pax8 Product"] = _reports_js
doctype_list_js["Pax8 Usage Month"] = [*_reports_js, "public/js/usage_reports.js"]

permission_query_conditions = {
	**dict.fromkeys(_OWN_DOCTYPES, "msp_licensing.permissions.staff_only_conditions"),
	"Workflow Action": "msp_licensing.restrictions.workflow_action_conditions",
}
# What Frappe leaves open to everybody is closed by one table: see doors/table.py.
has_permission = {
	**dict.fromkeys(
		(*_OWN_DOCTYPES, "Licensing Settings", "Pax8 Settings"),
		"msp_licensing.permissions.has_staff_permission",
	),
	**_doors.document_permissions(),
}
auth_hooks = ["msp_licensing.doors.gate.check"]

# Access to the portal follows people and clients that are renamed, merged or deleted.
doc_events = {
	doctype: {
		"after_insert": "msp_licensing.access.follow.client_made",
		"on_update": [
			"msp_licensing.access.follow.client_changed",
			"msp_licensing.changes.client_records.after_update",
			"msp_licensing.usage.kept.client_changed",
		],
		"before_rename": "msp_licensing.changes.merged_policies.before_rename",
		"after_rename": [
			"msp_licensing.access.follow.client_renamed",
			"msp_licensing.changes.merged_policies.after_rename",
			"msp_licensing.changes.client_records.after_rename",
			"msp_licensing.usage.assignments.client_renamed",
		],
		"after_delete": [
			"msp_licensing.access.follow.client_deleted",
			"msp_licensing.usage.assignments.client_deleted",
		],
	}
	for doctype in ("MSP Client", "Customer")
} | {
	"DocShare": {"validate": "msp_licensing.permissions.refuse_share"},
	"User": {
		"validate": "msp_licensing.access.erpnext.hold_back_role",
		"on_update": "msp_licensing.access.erpnext.was_saved",
		"on_change": "msp_licensing.access.erpnext.let_go",
		"after_insert": "msp_licensing.access.follow.user_made",
		"after_rename": "msp_licensing.access.follow.user_renamed",
		"after_delete": "msp_licensing.access.follow.user_deleted",
	},
	"Contact": {"after_delete": "msp_licensing.access.follow.contact_deleted"},
	"Notification Log": {"before_insert": "msp_licensing.plain_text.escape_title_in_bell"},
}
doc_events = _doors.with_events(doc_events)

# Changes seen at Pax8 stand in the timeline of their subscription, the chain of a request in its own.
additional_timeline_content = {
	"License Change Request": ["msp_licensing.desk.timeline.chain_of_request"],
	"Pax8 Subscription": ["msp_licensing.desk.timeline.changes_at_pax8"],
}

# Times are in the site's time zone. Cron jobs run on a queue with a short limit: each entry only enqueues.
scheduler_events = {
	"cron": {
		"0 */4 * * *": ["msp_licensing.tasks.sync_pax8_companies"],
		"0 * * * *": ["msp_licensing.tasks.sync_pax8_subscriptions"],
		"0 3 * * *": ["msp_licensing.tasks.sync_pax8_products"],
		"0 4 * * *": ["msp_licensing.tasks.sync_pax8_usage"],
		"30 * * * *": ["msp_licensing.tasks.sync_pax8_usage_at_month_end"],
		"*/5 * * * *": [
			"msp_licensing.tasks.follow_up_license_changes",
			"msp_licensing.tasks.watch_scheduled_changes",
			"msp_licensing.tasks.follow_up_pax8_webhooks",
		],
		"30 6 * * *": ["msp_licensing.tasks.check_license_change_deadlines"],
		"0 7 * * *": [
			"msp_licensing.tasks.remind_of_scheduled_changes",
			"msp_licensing.tasks.send_license_change_digest",
		],
		"20 * * * *": ["msp_licensing.tasks.watch_sync_health"],
	}
}

# What follows from usage that was read, within the transaction: groups that were stored (`groups`: their names), and the end
# of a run that was not broken off.
msp_licensing_usage_stored = ["msp_licensing.usage.rules.apply_to"]
msp_licensing_usage_read = [
	"msp_licensing.usage.announcements.tell_managers",
	"msp_licensing.usage.alerts.check",
	"msp_licensing.desk.usage_preparation.prepare_soon",
]

role_home_page = dict.fromkeys(("Licensing Client", "Licensing Approver", "Licensing Viewer"), "licensing")
portal_menu_items = [
	{"title": "Licensing", "route": "/licensing", "role": "Licensing Client"},
	{"title": "Licensing", "route": "/licensing", "role": "Licensing Viewer"},
	# A title of its own: an approver who also asks for changes has both.
	{"title": "License Approvals", "route": "/licensing#lic-approvals", "role": "Licensing Approver"},
]

override_whitelisted_methods = {
	**_doors.overrides(),
	# Texts of this app's records, where Frappe takes texts for markup or for formulas: see plain_text.py.
	"frappe.core.doctype.data_export.exporter.export_data": "msp_licensing.overrides.exports.export_data",
	"frappe.core.doctype.data_import.data_import.download_template": (
		"msp_licensing.overrides.exports.download_template"
	),
	"frappe.desk.query_report.export_query": "msp_licensing.overrides.exports.export_report",
	"frappe.desk.reportview.export_query": "msp_licensing.overrides.exports.export_list",
	"frappe.desk.search.search_link": "msp_licensing.overrides.search.search_link",
	"frappe.desk.search.search_widget": "msp_licensing.overrides.search.search_widget",
	"frappe.utils.global_search.search": "msp_licensing.overrides.search.search_everywhere",
	"frappe.desk.notifications.get_open_count": "msp_licensing.overrides.connections.get_open_count",
}
# Before a function runs: strangers at the webhook's address, and sessions that have no token.
before_request = [
	"msp_licensing.webhooks.endpoint.refuse_strangers",
	"msp_licensing.csrf.require_token",
]
extend_bootinfo = ["msp_licensing.desk.boot.extend"]
update_website_context = ["msp_licensing.doors.pages.keep_out_of_cache"]
after_request = [
	"msp_licensing.doors.gate.keep_private",
	"msp_licensing.webhooks.endpoint.keep_errors_short",
]

default_log_clearing_doctypes = {
	"License Change Notice": 365,
	"Pax8 Sync Run": 30,
	"Pax8 Sync Warning": 180,
	"Pax8 Usage Alert": 400,
	"Pax8 Webhook Event": 30,
}

# Having been told of something, having done something, having access, a day's total, or an alert keeps no user and no client
# from being deleted.
ignore_links_on_delete = [
	"License Change Event",
	"License Change Notice",
	"Licensing Portal User",
	"Pax8 Usage Alert",
	"Pax8 Usage Snapshot",
]

export_python_type_annotations = True
