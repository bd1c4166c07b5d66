// Licensing Settings and Licensing Client Policy: what the values in the form would do, before they are saved.
(() => {
	const API = "msp_licensing.desk.whatif.";
	const GROUP = __("Try Out");
	const COLORS = { Released: "green", Held: "orange", Refused: "red" };
	const esc = (text) => frappe.utils.escape_html(text == null ? "" : String(text));

	const handlers = {
		refresh(frm) {
			frm.add_custom_button(__("Past Requests"), () => with_client(frm, past_requests), GROUP);
			frm.add_custom_button(__("A Single Change"), () => with_client(frm, single_change), GROUP);
		},
	};
	frappe.ui.form.on("Licensing Settings", handlers);
	frappe.ui.form.on("Licensing Client Policy", handlers);

	const is_for_one = (frm) => frm.doctype === "Licensing Client Policy";
	const tried = (frm) => (is_for_one(frm) ? { client_policy: frm.doc } : { settings: frm.doc });

	function with_client(frm, go) {
		if (is_for_one(frm) && !frm.doc.client) frappe.msgprint(__("Choose the client first."));
		else go(frm);
	}

	const indicator = (outcome) => `<span class="indicator ${COLORS[outcome] || "gray"}">${esc(__(outcome))}</span>`;
	const muted = (text) => `<p class="text-muted small mb-2">${esc(text)}</p>`;
	const unsaved = (frm) => (frm.is_dirty() ? muted(__("With the values as they are in the form, not saved yet.")) : "");

	// -------------------------------------------------------------------------------- past requests

	function past_requests(frm) {
		const dialog = new frappe.ui.Dialog({
			title: __("Past Requests, Decided Again"),
			size: "extra-large",
			fields: [
				{
					fieldname: "days",
					fieldtype: "Int",
					label: __("Requests of the Last Days"),
					default: 90,
					reqd: 1,
				},
				{ fieldname: "result", fieldtype: "HTML" },
			],
			primary_action_label: __("Decide Again"),
			primary_action: ({ days }) => run(days),
		});
		const $result = dialog.get_field("result").$wrapper;
		let asked = 0;
		async function run(days) {
			const turn = ++asked;
			$result.html(muted(__("Deciding…")));
			let html = "";
			try {
				const answer = await frappe.xcall(`${API}replay_requests`, { ...tried(frm), days });
				html = unsaved(frm) + replay_html(answer);
			} catch {
				// Frappe has shown the message
			}
			if (turn === asked) $result.html(html);
		}
		dialog.show();
		run(90);
	}

	function replay_html({ since, total, left_out, counts, rows, differing, cut }) {
		const date = frappe.datetime.str_to_user(since);
		const notes = [
			left_out &&
				msp_licensing.plural(
					left_out,
					__("{0} request is left out: what it was decided on has not been kept.", [left_out]),
					__("{0} requests are left out: what they were decided on has not been kept.", [left_out])
				),
			cut && __("Only the newest {0} requests were decided again.", [total]),
		].filter(Boolean);
		const notes_html = notes.map(muted).join("");
		if (!total) {
			return `<div class="text-muted text-center p-4">${__("No client has asked for a change since {0}.", [date])}</div>${notes_html}`;
		}
		const same = total - differing;
		const values = [`<b>${total}</b>`, date, `<b>${same}</b>`, `<b>${differing}</b>`];
		const result = msp_licensing.plural(
			total,
			__("{0} request since {1}: {2} would be decided as it was, {3} otherwise.", values),
			__("{0} requests since {1}: {2} would be decided as they were, {3} otherwise.", values)
		);
		return `<p>${result}</p>${counts_html(counts)}${differing ? differences_html(rows, differing) : ""}
			${muted(__("Each was decided on what was known then. Requests made by staff and refusals, of which no record is kept, are not among them."))}
			${notes_html}`;
	}

	function counts_html(counts) {
		const outcomes = ["Released", "Held", "Refused"];
		const number = (then, now) => (counts.find((row) => row.then === then && row.now === now) || { count: 0 }).count;
		const cell = (then, now) =>
			`<td class="text-right ${then === now ? "text-muted" : number(then, now) ? "bold" : "text-muted"}">${number(then, now)}</td>`;
		return `<table class="table table-bordered small" style="max-width: 480px">
			<thead><tr><th>${__("Then")}</th>${outcomes
				.map((now) => `<th class="text-right">${__("Now: {0}", [__(now)])}</th>`)
				.join("")}</tr></thead>
			<tbody>${["Released", "Held"]
				.map((then) => `<tr><td>${indicator(then)}</td>${outcomes.map((now) => cell(then, now)).join("")}</tr>`)
				.join("")}</tbody></table>`;
	}

	function differences_html(rows, differing) {
		const body = rows.map(
			(row) => `<tr>
				<td><a href="${frappe.utils.get_form_link("License Change Request", row.name)}" target="_blank">${esc(row.name)}</a>
					<div class="text-muted">${frappe.datetime.str_to_user(row.requested_on)}</div></td>
				<td>${esc(row.client)}<div class="text-muted">${esc(row.product_name)}</div></td>
				<td class="text-right text-nowrap">${row.current} → ${row.wanted}</td>
				<td class="text-nowrap">${indicator(row.then)} <span class="text-muted">→</span> ${indicator(row.now)}</td>
				<td>${esc(row.why)}</td>
			</tr>`
		);
		const shown =
			rows.length < differing ? muted(__("The newest {0} of {1} are shown.", [rows.length, differing])) : "";
		return `<div class="table-responsive" style="max-height: 50vh"><table class="table table-hover small mt-0">
			<thead><tr class="text-muted"><th>${__("Request")}</th><th>${__("Client")}</th>
				<th class="text-right">${__("Licenses")}</th><th>${__("Then → Now")}</th><th>${__("Why")}</th></tr></thead>
			<tbody>${body.join("")}</tbody></table></div>${shown}`;
	}

	// -------------------------------------------------------------------------------- a single change

	function single_change(frm) {
		const again = frappe.utils.debounce(() => run(), 300);
		const dialog = new frappe.ui.Dialog({
			title: __("A Single Change"),
			size: "large",
			fields: [
				{
					fieldname: "client",
					fieldtype: "Dynamic Link",
					label: __("Client"),
					get_options: () => frm.doc.client_doctype || "MSP Client",
					default: is_for_one(frm) ? frm.doc.client : "",
					read_only: is_for_one(frm),
					change: () => {
						dialog.set_value("subscription", "");
						again();
					},
				},
				{
					fieldname: "subscription",
					fieldtype: "Link",
					label: __("Subscription"),
					options: "Pax8 Subscription",
					reqd: 1,
					get_query: () => ({ filters: { client: dialog.get_value("client") || ["is", "set"] } }),
					change: again,
				},
				{ fieldtype: "Column Break" },
				{ fieldname: "wanted", fieldtype: "Data", label: __("New Quantity"), reqd: 1, change: again },
				{
					fieldname: "timing",
					fieldtype: "Select",
					label: __("When"),
					options: ["Now", "End of Term"],
					default: "Now",
					change: again,
				},
				{ fieldtype: "Section Break" },
				{ fieldname: "result", fieldtype: "HTML" },
			],
		});
		const $result = dialog.get_field("result").$wrapper;
		let asked = 0;
		async function run() {
			const { subscription, wanted, timing } = dialog.get_values(true);
			const mine = ++asked;
			if (!subscription || !wanted) {
				$result.html(muted(__("Choose a subscription and a quantity.")));
				return;
			}
			try {
				const answer = await frappe.xcall(`${API}simulate`, {
					...tried(frm),
					subscription,
					wanted,
					timing,
				});
				if (mine === asked) $result.html(unsaved(frm) + simulation_html(answer));
			} catch {
				if (mine === asked) $result.empty(); // Frappe has shown the message
			}
		}
		dialog.show();
		run();
	}

	function simulation_html({ outcome, summary, for_client, steps, notes }) {
		const row = (step) => `<tr ${step.decided ? 'style="background: var(--highlight-color)"' : ""}>
			<td>${esc(step.check)}</td>
			<td class="text-nowrap"><span class="indicator ${step.color}">${esc(step.verdict)}</span></td>
			<td class="text-muted">${esc(step.detail)}</td></tr>`;
		return `<div class="form-message ${COLORS[outcome]}" aria-live="polite">
				<div class="bold">${esc(summary)}</div>
				<div>${__("The client reads: {0}", [esc(for_client)])}</div>
			</div>
			${notes.map(muted).join("")}
			<div class="table-responsive"><table class="table table-bordered small mt-2"><tbody>${steps
				.map(row)
				.join("")}</tbody></table></div>`;
	}
})();
