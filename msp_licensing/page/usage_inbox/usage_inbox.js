// Usage that belongs to nobody, and usage of which Pax8 says otherwise: what it is, whose it may be, and what to do.

(() => {
	const API = "msp_licensing.desk.usage_inbox";
	const SCRIPTS = ["/assets/msp_licensing/js/paged_table.js", "/assets/msp_licensing/js/usage_assign.js"];
	const esc = (text) => frappe.utils.escape_html(text == null ? "" : String(text));
	const is_manager = () => frappe.user.has_role("Licensing Manager");

	frappe.pages["usage-inbox"].on_page_load = (wrapper) => {
		frappe.ui.make_app_page({ parent: wrapper, title: __("Usage Inbox"), single_column: true });
		wrapper.inbox = frappe.require(SCRIPTS).then(() => new (inbox_class())(wrapper.page));
	};
	frappe.pages["usage-inbox"].on_page_show = async (wrapper) => (await wrapper.inbox)?.load();

	const REASONS = () => ({
		"No Company": __("Pax8 names no company"),
		"Company Not Mapped": __("Company is not mapped"),
		"Your Own Company": __("Your own company"),
	});
	const SECTIONS = () => ({
		Unassigned: __("Unassigned"),
		Conflicts: __("Pax8 Says Otherwise"),
		Ignored: __("Ignored"),
	});

	const money = (amount, currency) => (amount == null || !currency ? "—" : format_currency(amount, currency));

	// PagedTable is there only after its script was loaded.
	const inbox_class = () =>
		class UsageInbox extends msp_licensing.PagedTable {
			constructor(page) {
				super({ get_field: () => ({ $wrapper: $('<div class="usage-inbox"></div>').appendTo(page.main) }) }, "");
				this.page = page;
				this.method = `${API}.load`;
				this.section = "Unassigned";
				this.ticked = new Map();
				this.$summary = $('<div class="usage-summary"></div>').prependTo(this.$wrapper);
				this.$sections = $('<div class="btn-group usage-sections" role="group"></div>').insertAfter(this.$summary);
				this.$sections.attr("aria-label", __("Sections"));
				this.$body.removeClass("table-responsive");
				this.make();
			}

			make() {
				this.add_search(__("Search by name, product or company"));
				this.$search.css("max-width", "280px");
				const reasons = Object.entries(REASONS()).map(([value, label]) => ({ value, label }));
				this.$why = this.add_select(__("All reasons"), reasons);
				this.$order = this.add_select(__("Newest first"), [
					{ value: "oldest", label: __("Oldest first") },
					{ value: "amount", label: __("Largest amount first") },
				]);
				$(`<details class="usage-help border rounded p-3 mb-3"><summary>${__("How to link usage in Pax8")}</summary>
					<div class="mt-3">${msp_licensing.usage.steps_html()}</div></details>`).insertAfter(this.$footer);
				this.page.set_secondary_action(__("Refresh"), () => this.load(), "refresh");
				if (is_manager()) {
					this.page.add_inner_button(__("Rules"), () => frappe.set_route("List", "Pax8 Usage Rule"));
				}
				this.page.add_inner_button(__("All Resource Groups"), () => frappe.set_route("List", "Pax8 Resource Group"));
				this.$body.on("keydown", ".tick", (event) => this.move(event));
			}

			args() {
				return {
					section: this.section,
					search: this.$search.val(),
					why: this.$why.val(),
					order: this.$order.val(),
				};
			}

			filter() {
				this.ticked.clear();
				super.filter();
			}

			async load() {
				if (!this.$search || !this.$order) return;
				const asked = ++this.asked;
				const answer = await frappe.xcall(this.method, { ...this.args(), start: this.start, page_length: 25 });
				if (asked !== this.asked) return;
				Object.assign(this, answer);
				// The last groups of the last page have been assigned.
				if (!this.rows.length && this.start) {
					this.start = 0;
					return this.load();
				}
				this.draw();
				this.draw_footer();
			}

			/** After a decision: whoever uses the keyboard goes on where the row was. */
			async changed() {
				this.ticked.clear();
				await this.load();
				const $ticks = this.$body.find(".tick");
				$ticks.eq(Math.min(this.place || 0, $ticks.length - 1)).trigger("focus");
			}

			draw() {
				this.draw_summary();
				this.draw_sections();
				this.$why.toggle(this.section !== "Conflicts");
				this.draw_bulk();
				if (!this.rows.length) return this.draw_empty();
				this.$body.html(
					`<ul class="usage-rows list-unstyled" aria-label="${esc(SECTIONS()[this.section])}">${this.rows
						.map((row) => this.row_html(row))
						.join("")}</ul>`
				);
				this.listen();
			}

			draw_summary() {
				const tiles = this.amounts.map(
					(row) => `<div class="usage-tile border rounded"><div class="text-muted small">${__(
						"Unassigned this month, {0}",
						[esc(row.currency)]
					)}</div><div class="usage-amount">${esc(money(row.charges, row.currency))}</div><div class="text-muted small">${
						this.cost && row.cost != null ? `${__("Partner cost")} ${esc(money(row.cost, row.currency))} · ` : ""
					}${row.groups === 1 ? __("1 resource group") : __("{0} resource groups", [row.groups])}</div></div>`
				);
				this.$summary.html(tiles.join("")).toggle(Boolean(tiles.length));
			}

			draw_sections() {
				this.$sections.empty();
				for (const [section, label] of Object.entries(SECTIONS())) {
					const on = section === this.section;
					$(`<button type="button" class="btn btn-sm ${on ? "btn-primary" : "btn-default"}" aria-pressed="${on}">
						${esc(label)} <span class="usage-count">${this.counts[section]}</span></button>`)
						.on("click", () => {
							this.section = section;
							if (section === "Conflicts") this.$why.val("");
							this.filter();
						})
						.appendTo(this.$sections);
				}
			}

			draw_empty() {
				const { search, why } = this.args();
				let title = __("Nothing to assign");
				let text = __("All usage that Pax8 reports belongs to a client. New resource groups appear here when usage is read.");
				if (search || why) {
					[title, text] = [__("No resource group matches"), __("Change the search or the filter.")];
				} else if (this.section === "Conflicts") {
					[title, text] = [
						__("No conflict"),
						__("Pax8 and the assignments here name the same clients, as far as Pax8 names any."),
					];
				} else if (this.section === "Ignored") {
					[title, text] = [__("Nothing is ignored"), __("Usage that no client needs can be ignored with a reason.")];
				} else if (this.restricted) {
					text = __(
						"Usage that belongs to nobody is shown to staff who may see all clients. Your User Permissions name some clients."
					);
				}
				this.$body.html(`<div class="text-center p-5 border rounded mb-3"><div class="font-weight-bold mb-1">${title}</div>
					<div class="text-muted">${text}</div></div>`);
			}

			// ------------------------------------------------------------------------------ rows

			row_html(row) {
				const name = row.resource_group || __("(no name)");
				const select = __("Select {0}", [name]);
				const tick =
					is_manager() && this.section !== "Conflicts"
						? `<input type="checkbox" class="tick" ${this.ticked.has(row.name) ? "checked" : ""} aria-label="${esc(select)}">`
						: "";
				const months = this.amount_html(__("This month"), row, "this_month") + this.amount_html(__("Last month"), row, "last_month");
				return `<li class="usage-row border rounded" data-name="${esc(row.name)}">
					<div class="usage-tick">${tick}</div>
					<div class="usage-main">
						<div class="usage-name"><a href="${frappe.utils.get_form_link("Pax8 Resource Group", row.name)}">${esc(name)}</a>
							${this.pills_html(row)}</div>
						<div class="text-muted small">${[row.vendor, row.product_name].filter(Boolean).map(esc).join(" · ")}
							· ${this.age(row.days)}</div>
						${this.section_html(row)}
					</div>
					<div class="usage-amounts">${months}</div>
					<div class="usage-actions">${this.actions_html(row)}</div>
				</li>`;
			}

			age(days) {
				if (!days) return __("first seen today");
				return days === 1 ? __("first seen yesterday") : __("first seen {0} days ago", [days]);
			}

			amount_html(label, row, month) {
				const cost = row[`${month}_cost`];
				return `<div><span class="text-muted small">${label}</span>
					<span class="usage-value">${esc(money(row[`${month}_charges`], row.currency))}</span>
					${
						this.cost && cost != null
							? `<span class="text-muted small">${__("Cost {0}", [esc(money(cost, row.currency))])}</span>`
							: ""
					}</div>`;
			}

			pills_html(row) {
				const pill = (label, color) => `<span class="indicator-pill no-indicator-dot ${color}">${esc(label)}</span>`;
				const pills = [];
				if (this.section !== "Conflicts") pills.push(pill(REASONS()[row.why], row.why === "Company Not Mapped" ? "blue" : "orange"));
				if (row.is_trial) pills.push(pill(__("Trial"), "gray"));
				return pills.join(" ");
			}

			section_html(row) {
				if (this.section === "Conflicts") return this.conflict_html(row);
				if (this.section === "Ignored") {
					return `<div class="mt-1">${__("Ignored by {0}: {1}", [esc(row.ignored_by), esc(row.ignore_reason)])}</div>`;
				}
				const parts = [];
				if (row.azure === "Waiting") {
					parts.push(`<div class="small text-muted">${__("Azure links itself, usually within days. Wait before you assign it.")}</div>`);
				} else if (row.azure === "Overdue") {
					parts.push(
						`<div class="small usage-warning">${__(
							"Azure should have linked itself and has not. Check the tenant in Pax8, or link it by hand."
						)}</div>`
					);
				}
				if (row.why === "Company Not Mapped") {
					const company = esc(row.pax8_company_name || row.pax8_company);
					const link = frappe.utils.get_form_link("Pax8 Company", row.pax8_company);
					const shown = row.pax8_company_name ? `<a class="text-underline" href="${link}">${company}</a>` : company;
					const text = __("Pax8 names {0}, which nobody has mapped. Mapping it is better than an assignment.", [
						shown,
					]);
					parts.push(`<div class="small">${text}</div>`);
				}
				const [best, ...others] = row.suggestions;
				if (best) {
					parts.push(`<div class="usage-suggestion"><b>${__("Suggested: {0}", [esc(best.title)])}</b>
						<div class="small text-muted">${best.reasons.map(esc).join(" ")}</div></div>`);
				}
				if (others.length) {
					const titles = others.map((one) => esc(one.title)).join(", ");
					parts.push(`<div class="small text-muted">${__("Also possible: {0}", [titles])}</div>`);
				}
				if (row.rename && !best?.reasons.some((reason) => reason.includes(row.rename.old_text))) {
					const link = frappe.utils.get_form_link("Pax8 Resource Group", row.rename.old);
					const old = `<a class="text-underline" href="${link}">${esc(row.rename.old_text || __("(no name)"))}</a>`;
					parts.push(`<div class="small" title="${esc(row.rename.reasons.join(" "))}">${__(
						"Probably {0} under a new name.",
						[old]
					)}</div>`);
				}
				if (row.rules) parts.push(`<div class="small usage-warning">${esc(row.rules)}</div>`);
				return parts.join("");
			}

			conflict_html(row) {
				const { assignment } = row;
				if (!assignment) return "";
				const pax8 = !row.pax8_client
					? __("Pax8 links it to another client.")
					: row.pax8_client === row.pax8_company_name
					? __("Pax8 links it to {0}.", [`<b>${esc(row.pax8_client)}</b>`])
					: __("Pax8 links it to {0} ({1}).", [`<b>${esc(row.pax8_client)}</b>`, esc(row.pax8_company_name)]);
				const here = __("Assigned here to {0} since {1}, by {2}.", [
					`<b>${esc(assignment.client_name)}</b>`,
					esc(frappe.datetime.str_to_user(assignment.from_date)),
					esc(assignment.by),
				]);
				const reason = assignment.reason ? ` ${__("Reason: {0}", [esc(assignment.reason)])}` : "";
				return `<div class="mt-1">${pax8}</div><div>${here}${reason}</div>
					<div class="small text-muted mt-1">${__(
						"The assignment counts here, but Pax8's invoice follows Pax8. If Pax8 is right, remove the assignment. If not, link it in Pax8 as well."
					)}</div>`;
			}

			actions_html(row) {
				if (!is_manager()) return "";
				const name = row.resource_group || __("(no name)");
				const button = (action, label, kind = "btn-default", about = label) =>
					`<button type="button" class="btn ${kind} btn-xs" data-action="${action}" aria-label="${esc(`${about}: ${name}`)}">${esc(
						label
					)}</button>`;
				if (this.section === "Conflicts") {
					return (
						button("follow", __("Follow Pax8"), "btn-primary") +
						button("change", __("Change Client")) +
						button("steps", __("Link in Pax8"))
					);
				}
				if (this.section === "Ignored") return button("back", __("Stop Ignoring"));
				const [best] = row.suggestions;
				const map = row.why === "Company Not Mapped" && row.pax8_company_name;
				return (
					(map ? button("map", __("Map Company"), "btn-primary") : "") +
					button("assign", __("Assign…"), best && !map ? "btn-primary" : "btn-default", __("Assign")) +
					button("ignore", __("Ignore…"), "btn-default", __("Ignore")) +
					button("steps", __("Link in Pax8")) +
					button("rule", __("Make a Rule"))
				);
			}

			listen() {
				const row_of = (event) => {
					const name = $(event.currentTarget).closest(".usage-row").attr("data-name");
					return this.rows.find((row) => row.name === name);
				};
				this.$body.find(".tick").on("change", (event) => {
					const row = row_of(event);
					event.currentTarget.checked ? this.ticked.set(row.name, row) : this.ticked.delete(row.name);
					this.draw_bulk();
				});
				this.$body.find("[data-action]").on("click", (event) => this.act(event.currentTarget.dataset.action, row_of(event)));
			}

			act(action, row) {
				const { usage } = msp_licensing;
				this.place = this.rows.indexOf(row);
				const done = () => this.changed();
				({
					assign: () => usage.assign([row], this.client_doctype, done, row.suggestions[0]?.client),
					ignore: () => usage.ignore([row], done),
					back: () => usage.stop_ignoring([row], done),
					steps: () => usage.show_steps(row),
					map: () => frappe.set_route("Form", "Pax8 Company", row.pax8_company),
				rule: () => usage.make_rule(row, this.client_doctype),
					change: () => usage.change(row.assignment, this.client_doctype, done),
					follow: () => usage.remove(row.assignment, done, { title: __("Follow Pax8"), label: __("Follow Pax8") }),
				})[action]();
			}

			/** Arrow keys go from row to row; Enter assigns what is ticked, or the row. */
			move(event) {
				const $ticks = this.$body.find(".tick");
				const place = $ticks.index(event.currentTarget);
				const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
				if (step) {
					event.preventDefault();
					$ticks.eq(Math.min($ticks.length - 1, Math.max(0, place + step))).trigger("focus");
				} else if (event.key === "Enter" && this.section === "Unassigned") {
					event.preventDefault();
					this.place = place;
					const rows = this.ticked.size ? [...this.ticked.values()] : [this.rows[place]];
					const chosen = rows.length === 1 ? rows[0].suggestions[0]?.client : null;
					msp_licensing.usage.assign(rows, this.client_doctype, () => this.changed(), chosen);
				}
			}

			draw_bulk() {
				this.$above.empty();
				if (!is_manager() || this.section === "Conflicts" || !this.rows.length) return;
				const $bar = $('<div class="d-flex flex-wrap align-items-center mb-2" style="gap: 8px"></div>').appendTo(this.$above);
				const all = this.rows.every((row) => this.ticked.has(row.name));
				$(`<label class="mb-0 small d-flex align-items-center usage-all"><input type="checkbox" class="tick-all" ${
					all ? "checked" : ""
				}> ${__("Select all on this page")}</label>`)
					.appendTo($bar)
					.find("input")
					.on("change", (event) => {
						for (const row of this.rows) {
							event.currentTarget.checked ? this.ticked.set(row.name, row) : this.ticked.delete(row.name);
						}
						this.$body.find(".tick").prop("checked", event.currentTarget.checked);
						this.draw_bulk();
					});
				if (!this.ticked.size) return;
				const rows = [...this.ticked.values()];
				const done = () => this.changed();
				$(`<span class="small" role="status">${__("{0} selected", [rows.length])}</span>`).appendTo($bar);
				const button = (label, kind, action) =>
					$(`<button type="button" class="btn ${kind} btn-xs">${label}</button>`).on("click", action).appendTo($bar);
				if (this.section === "Ignored") {
					button(__("Stop Ignoring"), "btn-default", () => msp_licensing.usage.stop_ignoring(rows, done));
				} else {
					button(__("Assign Selected"), "btn-primary", () => msp_licensing.usage.assign(rows, this.client_doctype, done));
					button(__("Ignore Selected"), "btn-default", () => msp_licensing.usage.ignore(rows, done));
				}
				button(__("Clear selection"), "btn-link", () => {
					this.ticked.clear();
					this.draw();
				});
			}
		};
})();
