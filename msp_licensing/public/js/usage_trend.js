// What was used, on forms: this month so far, last month, and a chart by day and by month. Each currency by itself.

frappe.provide("msp_licensing");

(() => {
	const FORMS = ["MSP Client", "Customer", "Pax8 Company", "Pax8 Resource Group", "Pax8 Subscription"];
	const ALERT = "Pax8 Usage Alert";
	const READERS = ["Licensing Manager", "System Manager"];

	const esc = (text) => frappe.utils.escape_html(text == null ? "" : String(text));
	/** An amount with its currency's code; one that is not known is not 0. */
	const money = (amount, currency) =>
		amount == null ? '<span class="text-muted">—</span>' : `${esc(format_number(amount, null, 2))} ${esc(currency)}`;

	async function refresh(frm) {
		if (frm.is_new() || !READERS.some((role) => frappe.user.has_role(role))) return;
		const { name } = frm.doc;
		const asked = (frm.usage_asked = (frm.usage_asked || 0) + 1);
		const answer = await frappe.xcall("msp_licensing.desk.usage_trend.trend", target(frm));
		if (frm.doc.name !== name || asked !== frm.usage_asked || !answer.usage.length) return;
		const section = frm.dashboard.add_section(`<div class="usage-trend">${links(answer)}</div>`, __("Usage"));
		frm.dashboard.show();
		for (const usage of answer.usage) show(section.find(".usage-trend"), usage, answer);
	}

	/** Whose usage the form shows: an alert's is that of what it tells of. */
	function target({ doctype, doc }) {
		if (doctype !== ALERT) return { doctype, name: doc.name };
		if (doc.resource_group) return { doctype: "Pax8 Resource Group", name: doc.resource_group };
		return { doctype: doc.client_doctype, name: doc.client };
	}

	function links({ filters }) {
		const query = new URLSearchParams(filters).toString();
		const link = (report, label) =>
			`<a class="text-underline" href="${esc(report_link(report, query))}">${label}</a>`;
		return `<p class="small mb-2">
			${link("Usage by Resource Group", __("Usage by Resource Group"))} ·
			${link("Usage by Day", __("Usage by Day"))}
			<span class="text-muted ml-2">${__("Charges that Pax8 reports so far, not final. Months and days are those of UTC.")}</span></p>`;
	}

	/** The address of a report, in the desk of either version: that of a form without its end. */
	function report_link(report, query) {
		const desk = frappe.utils.get_form_link("Report", "x").replace(/report\/x$/, "");
		return `${desk}query-report/${encodeURIComponent(report)}?${query}`;
	}

	function show($parent, usage, answer) {
		const { currency, charges, cost } = usage;
		const figure = (label, amount, more = "") => `<div class="col-6 col-sm-3 mb-2">
			<div class="text-muted small">${label}</div><div class="bold">${money(amount, currency)}</div>${more}</div>`;
		const of_cost = (amount) =>
			cost ? `<div class="text-muted small">${__("Partner cost:")} ${money(amount, currency)}</div>` : "";
		const trial = usage.is_trial
			? `<span class="indicator-pill no-indicator-dot blue ml-2">${__("Trial, not billed")}</span>`
			: "";
		const id = frappe.dom.get_unique_id();
		const chart_label = __("Chart");
		const $block = $(`<section class="mb-4" aria-labelledby="${id}">
			<div class="d-flex flex-wrap align-items-center justify-content-between mb-2">
				<h4 class="h6 m-0" id="${id}">${esc(currency)}${trial}</h4>
				<div class="btn-group" role="group" aria-label="${esc(chart_label)}">
					<button class="btn btn-default btn-xs" data-chart="by_day">${__("By Day")}</button>
					<button class="btn btn-default btn-xs" data-chart="by_month">${__("By Month")}</button>
				</div>
			</div>
			<div class="row">
				${figure(esc(answer.labels.now), charges.now, of_cost(cost?.now))}
				${figure(__("Projection"), charges.projected, of_cost(cost?.projected))}
				${figure(__("{0}, Same Day", [esc(answer.labels.before)]), charges.same_day, of_cost(cost?.same_day))}
				${figure(esc(answer.labels.before), charges.before, of_cost(cost?.before))}
			</div>
			<div class="usage-chart" aria-hidden="true"></div>
			<details class="small"><summary class="text-muted">${__("The chart as a table")}</summary>
				<div class="usage-table" style="max-height: 260px; overflow: auto"></div></details>
		</section>`).appendTo($parent);
		const choose = (chart) => {
			$block.find("[data-chart]").each((_index, button) => {
				$(button).toggleClass("active", button.dataset.chart === chart).attr("aria-pressed", button.dataset.chart === chart);
			});
			const data = chart === "by_day" ? days(usage, answer) : months(usage, answer);
			draw($block.find(".usage-chart").empty().get(0), data, currency);
			$block.find(".usage-table").html(table(data, currency));
		};
		$block.on("click", "[data-chart]", (event) => choose(event.currentTarget.dataset.chart));
		choose(usage.by_day.now.some((value) => value != null) ? "by_day" : "by_month");
	}

	function days({ by_day }, { labels }) {
		return {
			type: "axis-mixed",
			data: by_day.chart,
			heading: __("Day"),
			labels: by_day.chart.labels,
			datasets: [
				{ name: labels.now, values: by_day.now },
				{ name: labels.before, values: by_day.before },
			],
		};
	}

	function months({ by_month }, answer) {
		const shown = { labels: answer.months, datasets: [{ name: __("Charges"), values: by_month }] };
		// A chart takes nothing for 0; the table tells them apart.
		const values = by_month.map((value) => value ?? 0);
		return { type: "bar", data: { labels: answer.months, datasets: [{ values }] }, heading: __("Month"), ...shown };
	}

	function draw(element, { type, data }, currency) {
		frappe.utils.make_chart(element, {
			type,
			data,
			height: 220,
			// The library fails where the form is drawn anew, or its width changes, while a chart still moves.
			animate: 0,
			disableEntryAnimation: 1,
			colors: ["blue", "grey"],
			axisOptions: { xIsSeries: 0 },
			lineOptions: { hideDots: 1 },
			tooltipOptions: {
				formatTooltipY: (value) => (value == null ? "—" : `${format_number(value, null, 2)} ${currency}`),
			},
		});
	}

	function table({ labels, datasets, heading }, currency) {
		const head = datasets.map(({ name }) => `<th class="text-right">${esc(name)}</th>`).join("");
		const body = labels
			.map((label, index) => {
				const cells = datasets.map(({ values }) => `<td class="text-right">${money(values[index], currency)}</td>`);
				return `<tr><th scope="row">${esc(label)}</th>${cells.join("")}</tr>`;
			})
			.join("");
		return `<table class="table table-bordered table-sm mb-0"><thead><tr><th>${heading}</th>${head}</tr></thead><tbody>${body}</tbody></table>`;
	}

	for (const doctype of [...FORMS, ALERT]) frappe.ui.form.on(doctype, { refresh });
})();
