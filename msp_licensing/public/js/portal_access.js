// Access of people to the portal (Licensing Portal User): words and decisions, for lists and forms.

frappe.provide("msp_licensing");

msp_licensing.access_words = function ({ may_request, may_approve }) {
	if (may_request && may_approve) return __("Requests and approves changes");
	if (may_approve) return __("Approves changes");
	return may_request ? __("Requests changes") : __("Only views");
};

msp_licensing.access_indicator = function (status) {
	const color = { Active: "green", "To Confirm": "orange", Revoked: "gray" }[status] || "gray";
	return `<span class="indicator ${color}">${__(status)}</span>`;
};

// What can be decided, in the order of buttons, by status.
msp_licensing.access_actions = {
	Active: ["Revoke"],
	"To Confirm": ["Confirm", "Refuse"],
	Revoked: ["Give Again"],
};

msp_licensing.access_labels = () => ({
	Confirm: __("Confirm"),
	Refuse: __("Refuse"),
	Revoke: __("Revoke"),
	"Give Again": __("Give Again"),
});

/** Asks, decides for each of `names` on its own, shows what came of it, and calls `done`. */
msp_licensing.decide_access = function (names, action, done) {
	const questions = {
		Confirm: __("Let this person see the client's licenses?"),
		Refuse: __("Refuse access? The person sees nothing, and the contact stays as it is."),
		Revoke: __(
			"Revoke access? The person no longer sees the client's licenses, at once. The record and the contact stay."
		),
		"Give Again": __("Give access again, with the rights shown?"),
	};
	const question = names.length > 1 ? __("This is decided for {0} people.", [names.length]) : "";
	frappe.confirm([questions[action], question].filter(Boolean).join("<br>"), async () => {
		const rows = await frappe.xcall("msp_licensing.desk.clients.decide_access", { names, action });
		tell(rows);
		if (done) done();
	});
};

function tell(rows) {
	const { escape_html } = frappe.utils;
	const noted = rows.filter((row) => row.message);
	if (!noted.length) {
		frappe.show_alert({ message: __("Now: {0}", [__(rows[0].status)]), indicator: "green" });
		return;
	}
	frappe.msgprint({
		title: __("Access"),
		indicator: noted.some((row) => !row.ok) ? "orange" : "blue",
		message: noted
			.map((row) => `<p><b>${escape_html(row.user || row.name)}</b> ${escape_html(row.message)}</p>`)
			.join(""),
	});
}

/** Small buttons for one record; `wire_access_buttons` makes them work. */
msp_licensing.access_buttons = function ({ name, status }) {
	const labels = msp_licensing.access_labels();
	return msp_licensing.access_actions[status]
		.map(
			(action) =>
				`<button class="btn btn-xs btn-default" data-access="${action}" data-name="${frappe.utils.escape_html(
					name
				)}">${labels[action]}</button>`
		)
		.join(" ");
};

msp_licensing.wire_access_buttons = function (wrapper, done) {
	wrapper.find("[data-access]").on("click", (event) => {
		const { access, name } = event.currentTarget.dataset;
		msp_licensing.decide_access([name], access, done);
	});
};
