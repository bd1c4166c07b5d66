// The catalog on the form of Licensing Settings: which products clients see, and what holds for each.

frappe.provide("msp_licensing");

(() => {
	const API = "msp_licensing.desk";
	const esc = (text) => frappe.utils.escape_html(text == null ? "" : String(text));
	const is_manager = () => frappe.user.has_role("Licensing Manager");

	const ACTIONS = ["Show", "Hide", "Feature", "Unfeature", "Always Require Approval", "No Longer Require Approval"];

	msp_licensing.ProductCatalog = class extends msp_licensing.PagedTable {
		constructor(frm) {
			super(frm, "catalog_html");
			this.method = `${API}.catalog.products`;
			this.ticked = new Set();
			this.make();
		}

		async make() {
			const facets = await frappe.xcall(`${API}.catalog.facets`);
			this.add_search(__("Search by product name"));
			this.$vendor = this.add_select(__("All vendors"), facets.vendors);
			this.$category = this.add_select(__("All categories"), facets.categories);
			this.$visibility = this.add_select(__("Visible and hidden"), facets.visibility);
			this.$owned = this.add_check(__("Owned by clients"));
			this.$show_owned = $('<button type="button" class="btn btn-default btn-sm ml-auto"></button>')
				.on("click", () => this.show_owned())
				.appendTo(this.$toolbar);
			this.draw_show_owned(facets.owned_hidden);
			this.load();
		}

		args() {
			return {
				search: this.$search.val(),
				vendor: this.$vendor.val(),
				category: this.$category.val(),
				visibility: this.$visibility.val(),
				owned: this.$owned.is(":checked"),
			};
		}

		filter() {
			this.ticked.clear();
			super.filter();
		}

		draw() {
			if (!this.rows.length) {
				this.draw_nothing(__("No product matches."), __("Products appear here after their first sync."));
				this.draw_bulk();
				return;
			}
			const select_all = __("Select all on this page");
			this.$body.html(`<table class="table table-hover mt-0 mb-2">
				<thead><tr class="text-muted small">
					<th style="width: 30px"><input type="checkbox" class="tick-all m-0" aria-label="${esc(select_all)}"></th>
					<th>${__("Product Name")}</th>
					<th style="width: 17%">${__("Vendor")}</th>
					<th style="width: 15%">${__("Category")}</th>
					<th class="text-right" style="width: 15%">${__("Retail Price")}</th>
					<th class="text-center" style="width: 70px">${__("Visible")}</th>
					<th class="text-center" style="width: 75px">${__("Featured")}</th>
				</tr></thead>
				<tbody>${this.rows.map((row) => this.row_html(row)).join("")}</tbody></table>`);
			this.listen();
			this.draw_bulk();
		}

		row_html(row) {
			const disabled = is_manager() ? "" : "disabled";
			const select = __("Select {0}", [row.product_name]);
			const feature = row.featured ? __("Featured: comes first") : __("Feature");
			const owned_title = __("Subscriptions of clients");
			const owned = row.owned
				? `<span class="badge badge-light ml-1" title="${esc(owned_title)}">${row.owned}</span>`
				: "";
			return `<tr data-name="${esc(row.name)}">
				<td><input type="checkbox" class="tick m-0" ${this.ticked.has(row.name) ? "checked" : ""}
					aria-label="${esc(select)}"></td>
				<td><a href="${frappe.utils.get_form_link("Pax8 Product", row.name)}">${esc(row.product_name)}</a>${owned}
					${row.hold_changes ? `<span class="indicator-pill no-indicator-dot orange ml-1">${__("always waits")}</span>` : ""}</td>
				<td>${esc(row.vendor) || "—"}</td>
				<td>${esc(row.category) || "—"}</td>
				<td class="text-right text-nowrap">${price_html(row)}</td>
				<td class="text-center">${switch_html(row.visible, disabled)}</td>
				<td class="text-center">
					<button type="button" class="btn btn-link p-0 star" style="font-size: 17px; line-height: 1; text-decoration: none;
						color: var(--${row.featured ? "yellow-500" : "gray-400"})" aria-pressed="${Boolean(row.featured)}" ${disabled}
						title="${esc(feature)}"
						aria-label="${__("Featured")}">${row.featured ? "★" : "☆"}</button>
					${row.featured && !row.visible ? `<div class="small text-muted">${__("hidden")}</div>` : ""}
				</td>
			</tr>`;
		}

		listen() {
			const name_of = (event) => $(event.currentTarget).closest("tr").attr("data-name");
			const $ticks = this.$body.find(".tick");
			const tick_all = () => {
				const all = this.rows.every((row) => this.ticked.has(row.name));
				this.$body.find(".tick-all").prop("checked", all);
			};
			$ticks.on("change", (event) => {
				event.currentTarget.checked ? this.ticked.add(name_of(event)) : this.ticked.delete(name_of(event));
				tick_all();
				this.draw_bulk();
			});
			this.$body.find(".tick-all").on("change", (event) => {
				for (const row of this.rows) {
					event.currentTarget.checked ? this.ticked.add(row.name) : this.ticked.delete(row.name);
				}
				$ticks.prop("checked", event.currentTarget.checked);
				this.draw_bulk();
			});
			tick_all();
			this.$body.find(".visible-switch").on("click", (event) => {
				const on = event.currentTarget.getAttribute("aria-checked") === "true";
				this.act([name_of(event)], on ? "Hide" : "Show");
			});
			this.$body.find(".star").on("click", (event) => {
				const on = event.currentTarget.getAttribute("aria-pressed") === "true";
				this.act([name_of(event)], on ? "Unfeature" : "Feature");
			});
		}

		draw_bulk() {
			this.$above.empty();
			const count = this.ticked.size;
			if (!count || !is_manager()) return;
			const $bar = $(`<div class="d-flex flex-wrap align-items-center p-2 mb-2 rounded border" style="gap: 8px">
				<span class="px-1" role="status">${__("{0} selected", [count])}</span></div>`).appendTo(this.$above);
			const button = (label, kind, action) =>
				$(`<button type="button" class="btn ${kind} btn-xs">${label}</button>`).on("click", action).appendTo($bar);
			const page_ticked = this.rows.length && this.rows.every((row) => this.ticked.has(row.name));
			if (page_ticked && count < this.total) {
				button(__("Select all {0} that match", [this.total]), "btn-link", async () => {
					this.ticked = new Set(await frappe.xcall(`${API}.catalog.matching`, this.args()));
					this.draw_bulk();
				});
			}
			for (const action of ACTIONS) {
				button(__(action), "btn-default", () => this.act([...this.ticked], action));
			}
			button(__("Clear selection"), "btn-link", () => {
				this.ticked.clear();
				this.draw();
			});
		}

		async act(names, action) {
			let changed = 0;
			const hidden = [];
			for (let at = 0; at < names.length; at += 500) {
				const part = names.slice(at, at + 500);
				const answer = await frappe.xcall(`${API}.catalog.act`, { names: JSON.stringify(part), action });
				changed += answer.changed;
				hidden.push(...answer.hidden);
			}
			if (names.length > 1) {
				frappe.show_alert({ message: __("{0} products changed", [changed]), indicator: "green" });
			}
			await this.load();
			this.renew_show_owned();
			if (action.endsWith("Approval")) explain(this.frm);
			if (hidden.length) this.warn_hidden(hidden);
		}

		warn_hidden(names) {
			frappe.confirm(
				names.length === 1
					? __("This product is featured now, but hidden: clients do not see it. Show it, too?")
					: __("{0} featured products are hidden: clients do not see them. Show them, too?", [names.length]),
				() => this.act(names, "Show")
			);
		}

		async renew_show_owned() {
			this.draw_show_owned((await frappe.xcall(`${API}.catalog.facets`)).owned_hidden);
		}

		draw_show_owned(count) {
			this.$show_owned.toggle(Boolean(count) && is_manager()).text(__("Show what clients already own ({0})", [count]));
		}

		async show_owned() {
			const count = await frappe.xcall(`${API}.catalog.show_owned`);
			frappe.show_alert({
				message: msp_licensing.plural(
					count,
					__("{0} product is visible now", [count]),
					__("{0} products are visible now", [count])
				),
				indicator: "green",
			});
			this.load();
			this.renew_show_owned();
		}
	};

	function switch_html(on, disabled) {
		const title = on ? __("Visible to clients") : __("Hidden from clients");
		return `<button type="button" role="switch" class="visible-switch" aria-checked="${Boolean(on)}" ${disabled}
			aria-label="${__("Visible")}" title="${esc(title)}"
			style="width: 28px; height: 16px; padding: 2px; border: 0; border-radius: 8px; vertical-align: middle;
				background: var(--${on ? "green-500" : "gray-400"})">
			<span style="display: block; width: 12px; height: 12px; border-radius: 50%; background: white;
				transform: translateX(${on ? 12 : 0}px)"></span></button>`;
	}

	/** "from 12.50 USD"; a price that is not known is never 0, and no currency is never the site's own. */
	function price_html(row) {
		if (row.usage_class === "Usage") return `<span class="text-muted">${__("by usage")}</span>`;
		if (row.retail_price_from == null) return '<span class="text-muted">—</span>';
		const price = row.currency
			? format_currency(row.retail_price_from, row.currency)
			: format_number(row.retail_price_from, null, 2);
		const read_on = row.priced_on ? __("Read on {0}", [frappe.datetime.str_to_user(row.priced_on)]) : "";
		return `<span title="${esc(read_on)}"><span class="text-muted small">${__("from")}</span> ${esc(price)}</span>`;
	}
})();
