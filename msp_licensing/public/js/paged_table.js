// What the tables on the form of Licensing Settings have in common.

frappe.provide("msp_licensing");

(() => {
	const esc = (text) => frappe.utils.escape_html(text == null ? "" : String(text));
	const ROWS_PER_PAGE = 25;

	/** A table that is searched, filtered and paged on the server; the newest answer wins. */
	msp_licensing.PagedTable = class {
		constructor(frm, field) {
			this.frm = frm;
			this.start = 0;
			this.asked = 0;
			this.$wrapper = frm.get_field(field).$wrapper.empty();
			this.$toolbar = $('<div class="d-flex flex-wrap align-items-center mb-3" style="gap: 8px"></div>').appendTo(
				this.$wrapper
			);
			this.$above = $("<div></div>").appendTo(this.$wrapper);
			this.$body = $('<div class="table-responsive"></div>').appendTo(this.$wrapper);
			this.$footer = $(
				'<div class="d-flex justify-content-between align-items-center text-muted small mb-4"></div>'
			).appendTo(this.$wrapper);
			this.search = frappe.utils.debounce(() => this.filter(), 300);
		}

		add_search(label) {
			this.$search = $(
				`<input type="search" class="form-control input-xs" style="max-width: 220px" placeholder="${label}" aria-label="${label}">`
			)
				.on("input", this.search)
				.appendTo(this.$toolbar);
		}

		add_select(label, options) {
			return $(`<select class="form-control input-xs" style="max-width: 190px" aria-label="${label}">
				<option value="">${label}</option>
				${options
					.map((option) => (typeof option === "string" ? { value: option, label: __(option) } : option))
					.map(({ value, label }) => `<option value="${esc(value)}">${esc(label)}</option>`)
					.join("")}
			</select>`)
				.on("change", () => this.filter())
				.appendTo(this.$toolbar);
		}

		add_check(label) {
			const $label = $(`<label class="mb-0 small d-flex align-items-center" style="gap: 4px">
				<input type="checkbox" class="m-0"> ${label}</label>`).appendTo(this.$toolbar);
			return $label.find("input").on("change", () => this.filter());
		}

		filter() {
			this.start = 0;
			this.load();
		}

		async load() {
			if (!this.$search) return; // Whoever is still making the toolbar loads afterwards.
			const asked = ++this.asked;
			const answer = await frappe.xcall(this.method, { ...this.args(), start: this.start, page_length: ROWS_PER_PAGE });
			if (asked !== this.asked) return;
			this.rows = answer.rows;
			this.total = answer.total;
			this.draw();
			this.draw_footer();
		}

		/** In place of rows: nothing matches what is asked for, or there is nothing yet. */
		draw_nothing(none_matches, none_yet) {
			const text = Object.values(this.args()).some(Boolean) ? none_matches : none_yet;
			this.$body.html(`<div class="text-muted text-center p-5 border rounded mb-3">${text}</div>`);
		}

		draw_footer() {
			this.$footer.empty();
			if (!this.total) return;
			const last = this.start + this.rows.length;
			$(`<span>${__("{0} – {1} of {2}", [this.start + 1, last, this.total])}</span>`).appendTo(this.$footer);
			const $pages = $('<div class="btn-group"></div>').appendTo(this.$footer);
			const page = (label, start, enabled) =>
				$(`<button type="button" class="btn btn-default btn-xs">${label}</button>`)
					.prop("disabled", !enabled)
					.on("click", () => {
						this.start = start;
						this.load();
					})
					.appendTo($pages);
			page(__("Previous"), Math.max(0, this.start - ROWS_PER_PAGE), this.start > 0);
			page(__("Next"), this.start + ROWS_PER_PAGE, last < this.total);
		}
	};
})();
