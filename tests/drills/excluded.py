"""What the sweep does not call, and why. Everything else that can be called is called."""

# By the beginning of the path.
EXCLUDED = {
	"frappe.tests.": "helpers of Frappe's own tests, which a site without developer mode refuses",
	"erpnext.tests.": "the same of ERPNext",
	"frappe.desk.page.setup_wizard.setup_wizard.setup_complete": "sets the site up anew",
	"frappe.desk.page.setup_wizard.setup_wizard.initialize_system_settings_and_user": "the same",
	"frappe.desk.page.backups.": "writes a backup of the database",
	"frappe.utils.backups.": "writes a backup of the database",
	"frappe.core.doctype.installed_applications.": "changes the apps of the bench",
	"frappe.core.doctype.package": "writes files into the bench",
	"frappe.modules.utils.": "writes files into the app",
	"frappe.core.doctype.rq_job.": "stops other people's jobs",
	"frappe.core.doctype.scheduled_job_type.": "runs jobs in this process",
	"frappe.core.doctype.data_import.": "runs an import in this process",
	"frappe.desk.doctype.system_console.": "runs code",
	"frappe.core.doctype.system_settings.": "changes the settings of every other test",
	"frappe.recorder.": "records this process itself",
	"frappe.utils.scheduler.": "switches the scheduler of the site",
	"frappe.integrations.": "calls servers of others",
	"frappe.push_notification.": "calls a server of others",
	"frappe.utils.change_log.": "calls a server of others",
	"frappe.utils.pdf.": "starts a browser",
	"frappe.utils.weasyprint.": "starts a browser",
	"frappe.utils.print_format.": "starts a browser; the print view has tests by name",
	"frappe.email.doctype.newsletter.": "mails",
	"frappe.core.doctype.sms_settings.sms_settings.send_sms": "calls a server of others",
	"frappe.core.doctype.user.user.impersonate": "ends the session of the sweep",
	"frappe.handler.logout": "ends the session of the sweep",
	"frappe.handler.web_logout": "ends the session of the sweep",
	"frappe.sessions.clear": "ends the session of the sweep",
	"frappe.twofactor.": "mails a secret",
	"frappe.www.login.": "signs somebody in",
	"frappe.core.doctype.recorder.": "explains every query of the site, for minutes",
	"frappe.custom.doctype.customize_form.": "changes tables, which no rollback takes back",
	"frappe.core.report.database_storage_usage_by_tables.": "rebuilds tables",
	"frappe.core.doctype.doctype.doctype.": "reads the shape of tables",
	"frappe.desk.search.get_names_for_mentions": "names of people of the desk, for people of the desk",
	"msp_licensing.webhooks.": "has tests of its own: it asks for a secret",
	"msp_licensing.desk.": "has a test of its own for every function and role",
}


def is_excluded(path: str) -> bool:
	return any(path.startswith(beginning) for beginning in EXCLUDED)
