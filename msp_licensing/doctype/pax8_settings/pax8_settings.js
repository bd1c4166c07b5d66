const PROGRESS = "msp_licensing_sync_progress";
const POLL_MS = 3000;

frappe.ui.form.on("Pax8 Settings", {
	setup(frm) {
		frm.sync = { waiting: {}, progress: {} };
		frappe.realtime.on(PROGRESS, (data) => on_progress(frm, data));
	},

	refresh(frm) {
		show_connection(frm);
		load_sync(frm);
		show_own_companies(frm);
	},

	shadow_company_ids: (frm) => show_own_companies(frm),
	mode: (frm) => show_connection(frm),
});

// Ids say nothing to people: the names of the companies stand below them.
async function show_own_companies(frm) {
	const ids = frm.doc.shadow_company_ids || "";
	const rows = ids ? await frappe.xcall("msp_licensing.desk.mapping.own_companies", { ids }) : [];
	if (ids !== (frm.doc.shadow_company_ids || "")) return;
	const $wrapper = frm.get_field("shadow_company_ids").$wrapper;
	$wrapper.find(".own-companies").remove();
	const { escape_html } = frappe.utils;
	const list = rows.map((row) =>
		row.name
			? `<a href="${frappe.utils.get_form_link("Pax8 Company", row.id)}">${escape_html(row.name)}</a>`
			: __("{0}: no such company has been read.", [escape_html(row.id)])
	);
	if (list.length) $(`<div class="own-companies small text-muted mb-2">${list.join("<br>")}</div>`).appendTo($wrapper);
}

// ------------------------------------------------------------------------------------ connection

async function show_connection(frm) {
	const state = await frappe.xcall("msp_licensing.desk.connection.state");
	const $wrapper = frm.get_field("connection_html").$wrapper.empty();
	$(`<div class="control-label mb-2">${__("Connection")}</div>`).appendTo($wrapper);
	$(`<div class="mb-3"><span class="indicator ${state.color}">${frappe.utils.escape_html(
		state.message
	)}</span></div>`).appendTo($wrapper);
	if (frm.is_dirty()) {
		$(`<p class="text-muted small">${__("Not saved yet: the test uses what is typed here.")}</p>`).appendTo(
			$wrapper
		);
	}
	const $result = $('<div class="mt-3" role="status"></div>');
	$(`<button class="btn btn-default btn-sm">${__("Test Connection")}</button>`)
		.on("click", (event) => test(frm, $(event.currentTarget), $result))
		.appendTo($wrapper);
	$result.appendTo($wrapper);
}

async function test(frm, $button, $result) {
	const { client_id, client_secret, base_url, audience } = frm.doc;
	$button.prop("disabled", true);
	$result.html(`<span class="text-muted">${__("Asking Pax8…")}</span>`);
	try {
		const answer = await frappe.xcall("msp_licensing.desk.connection.test", {
			client_id,
			client_secret,
			base_url,
			audience,
		});
		$result.html(
			`<span class="indicator ${answer.ok ? "green" : "red"}">${frappe.utils.escape_html(
				answer.message
			)}</span>`
		);
	} catch {
		$result.empty(); // Frappe has shown the message
	} finally {
		$button.prop("disabled", false);
	}
}

// ------------------------------------------------------------------------------------ sync

async function load_sync(frm) {
	clearTimeout(frm.sync.timer);
	frm.sync.status = await frappe.xcall("msp_licensing.desk.sync.status");
	for (const row of frm.sync.status.kinds) {
		const waiting = frm.sync.waiting[row.kind];
		if (waiting && row.newest?.name !== waiting.before && !row.running) {
			delete frm.sync.waiting[row.kind];
			delete frm.sync.progress[row.kind];
		}
	}
	show_sync(frm);
	// Progress comes by realtime where there is such a server; this keeps the table true without one.
	const busy = Object.keys(frm.sync.waiting).length || frm.sync.status.kinds.some((row) => row.running);
	if (busy && cur_frm === frm) {
		frm.sync.timer = setTimeout(() => load_sync(frm), POLL_MS);
	}
}

function show_sync(frm) {
	const { status } = frm.sync;
	const { escape_html } = frappe.utils;
	const $wrapper = frm.get_field("sync_html").$wrapper.empty();
	const $table = $(`<table class="table table-bordered mt-0 mb-2">
		<thead><tr class="text-muted">
			<th style="width: 14%">${__("Data")}</th>
			<th style="width: 21%">${__("Last Complete Sync")}</th>
			<th>${__("Last Run")}</th>
			<th style="width: 14%">${__("Next")}</th>
			${status.may_sync ? `<th style="width: 12%"><span class="sr-only">${__("Action")}</span></th>` : ""}
		</tr></thead><tbody></tbody></table>`);
	for (const row of status.kinds) $table.find("tbody").append(sync_row(frm, row), reason_row(row, status));
	$('<div class="table-responsive"></div>').append($table).appendTo($wrapper);

	if (status.scheduler_problem) {
		$(`<p class="text-muted small"><span class="indicator orange"></span>${escape_html(
			status.scheduler_problem
		)}</p>`).appendTo($wrapper);
	}
	$(`<p class="small"><a class="text-underline" href="${list_url("Pax8 Sync Run")}">${__("All Sync Runs")}</a> ·
		<a class="text-underline" href="${list_url("Pax8 Sync Warning")}">${__("Sync Warnings")}</a>
		<span class="text-muted">· ${__("Pax8 is called {0} times a minute at most, by all workers together.", [
			status.calls_per_minute,
		])}</span></p>`).appendTo($wrapper);
}

function sync_row(frm, row) {
	const { escape_html } = frappe.utils;
	const $row = $(`<tr data-kind="${row.kind}" data-state="${row.state}">
		<td class="bold">${escape_html(row.label)}</td>
		<td class="complete">${complete_html(row)}</td>
		<td class="result">${result_html(frm, row)}</td>
		<td class="text-muted">${row.next ? escape_html(when(row.next)) : "—"}</td>
	</tr>`);
	if (frm.sync.status.may_sync) {
		const busy = row.running || frm.sync.waiting[row.kind];
		$(`<button class="btn btn-default btn-xs">${__("Sync Now")}</button>`)
			.prop("disabled", Boolean(busy || frm.sync.status.problem))
			.attr("title", frm.sync.status.problem || "")
			.on("click", () => sync_now(frm, row))
			.appendTo($('<td class="text-right"></td>').appendTo($row));
	}
	return $row;
}

function complete_html(row) {
	const { escape_html } = frappe.utils;
	const limit = `<div class="small text-muted">${__("may be up to {0} old", [escape_html(row.allowed)])}</div>`;
	if (!row.complete) return `<span class="indicator ${row.color}">${__("Never")}</span>`;
	return `<span class="indicator ${row.state === "Fresh" ? "green" : row.color}"><a href="${run_url(
		row.complete
	)}" title="${escape_html(frappe.datetime.str_to_user(row.complete.finished_on))}">${escape_html(
		row.complete.age
	)}</a></span>${row.state === "Stale" ? limit : ""}`;
}

function result_html(frm, row) {
	const { escape_html } = frappe.utils;
	const progress = frm.sync.progress[row.kind];
	const waiting = frm.sync.waiting[row.kind];
	if (progress) {
		const percent = progress.total ? Math.min(100, Math.round((progress.count / progress.total) * 100)) : 0;
		return `<div class="small text-muted mb-1">${escape_html(progress.message)} ${progress.count || ""}</div>
			<div class="progress" style="height: 6px" role="progressbar" aria-valuenow="${percent}"
				aria-valuemin="0" aria-valuemax="100">
				<div class="progress-bar" style="width: ${percent}%"></div></div>`;
	}
	if (row.running) return `<span class="indicator blue">${__("Running")}</span>`;
	if (waiting) {
		const long = Date.now() - waiting.since > 20000;
		return `<span class="indicator gray">${
			long ? __("Queued. No background worker has taken it yet.") : __("Queued")
		}</span>`;
	}
	if (!row.newest) return '<span class="text-muted">—</span>';
	if (row.has_trouble) return `${trouble_html(row.newest)}${effort_html(row.newest)}`;
	return `${went_well_html(row.newest)}${effort_html(row.newest)}${
		row.failure ? `<div class="small text-muted mt-1">${__("Before that:")} ${failure_html(row.failure)}</div>` : ""
	}`;
}

function went_well_html(run) {
	if (run.status !== "Completed") return `<span class="indicator gray">${__("The worker was stopped.")}</span>`;
	return `<span class="indicator green">${__("{0} read: {1} new, {2} changed", [
		run.rows_read,
		run.rows_new,
		run.rows_changed,
	])}</span>`;
}

function trouble_html(run) {
	return `<span class="indicator ${run.reached_end ? "orange" : "red"}"></span>${failure_html(run)}`;
}

// A run that went wrong: what became of it and when, and its first sentence, which leads to the rest.
function failure_html(run) {
	const { escape_html } = frappe.utils;
	const words = run.status === "Failed" ? __("Failed {0}", [run.age]) : __("Incomplete {0}", [run.age]);
	const when = escape_html(frappe.datetime.str_to_user(run.finished_on || run.started_on));
	return `<span title="${when}">${escape_html(words)}</span>:
		<a class="text-underline" href="${run_url(run)}">${escape_html(run.problem || __("Details"))}</a>`;
}

function effort_html(run) {
	const seconds = run.duration >= 60 ? Math.round(run.duration) : flt(run.duration, 1);
	const values = [run.calls || 0, seconds];
	const effort = msp_licensing.plural(
		run.calls,
		__("{0} call to Pax8 in {1} s", values),
		__("{0} calls to Pax8 in {1} s", values)
	);
	return `<div class="small text-muted">${effort}</div>`;
}

function reason_row(row, status) {
	if (row.state !== "Stale") return $();
	const { escape_html } = frappe.utils;
	// What the row above says already is not said twice.
	const said = row.has_trouble && row.reason === row.newest.problem;
	return $(`<tr class="reason" data-kind="${row.kind}"><td></td><td colspan="${status.may_sync ? 4 : 3}">
		<span class="indicator-pill red no-indicator-dot">${__("Out of date")}</span>
		<span class="ml-1">${escape_html(said ? __("The last run failed.") : row.reason)} ${escape_html(row.remedy)}</span>
		<span class="text-muted small ml-1">${__("Since {0}.", [escape_html(when(row.since))])}</span>
	</td></tr>`);
}

function list_url(name) {
	return frappe.utils.generate_route({ type: "DocType", name });
}

function run_url(run) {
	return frappe.utils.get_form_link("Pax8 Sync Run", run.name);
}

async function sync_now(frm, row) {
	frm.sync.waiting[row.kind] = { before: row.newest?.name, since: Date.now() };
	show_sync(frm);
	try {
		await frappe.xcall("msp_licensing.desk.sync.sync_now", { kind: row.kind });
	} catch {
		delete frm.sync.waiting[row.kind];
	}
	load_sync(frm);
}

function on_progress(frm, data) {
	if (!frm.sync.status) return;
	if (data.done) {
		delete frm.sync.progress[data.kind];
		delete frm.sync.waiting[data.kind];
		if (cur_frm === frm) {
			const color = !data.status || data.status === "Completed" ? "green" : "orange";
			frappe.show_alert({
				message: `${__(data.kind)}: ${frappe.utils.escape_html(data.message)}`,
				indicator: color,
			});
			load_sync(frm);
		}
		return;
	}
	frm.sync.progress[data.kind] = data;
	const row = frm.sync.status.kinds.find((row) => row.kind === data.kind);
	if (row) {
		frm.get_field("sync_html").$wrapper.find(`tr[data-kind="${data.kind}"] .result`).html(result_html(frm, row));
	}
}

function when(datetime) {
	const [date, time] = datetime.split(" ");
	const clock = time.slice(0, 5);
	if (date === frappe.datetime.now_date()) return clock;
	if (date === frappe.datetime.add_days(frappe.datetime.now_date(), 1)) return __("tomorrow {0}", [clock]);
	return `${frappe.datetime.str_to_user(date)} ${clock}`;
}
