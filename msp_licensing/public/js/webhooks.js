// The section "Webhooks" of Pax8 Settings.
(() => {
	const API = "msp_licensing.desk.webhooks.";
	const TEST_SECONDS = 15;

	frappe.ui.form.on("Pax8 Settings", { refresh: (frm) => load(frm) });

	async function load(frm, result) {
		const $wrapper = frm.get_field("webhooks_html").$wrapper;
		if (!$wrapper.children().length) muted(__("Asking Pax8…")).appendTo($wrapper);
		const asked = (frm.webhooks_asked = (frm.webhooks_asked || 0) + 1);
		let state = null;
		try {
			state = await frappe.xcall(API + "state");
		} catch {
			// Frappe has shown the message
		}
		if (asked !== frm.webhooks_asked) return;
		$wrapper.empty();
		if (state) show(frm, $wrapper, state, result);
	}

	function show(frm, $wrapper, state, result) {
		indicator(state.color, state.message).addClass("mb-2").appendTo($wrapper);
		for (const note of state.notes) muted(note).appendTo($wrapper);
		if (state.topics.length) muted(__("Topics: {0}", [state.topics.join(", ")])).appendTo($wrapper);
		if (state.state !== "none") muted(__("Address of this site: {0}", [state.address])).appendTo($wrapper);

		const $result = $('<div class="mt-3" role="status"></div>');
		if (result) indicator(result.received ? "green" : "orange", result.message).appendTo($result);
		if (state.may_change) {
			const $buttons = $('<div class="mt-3"></div>').appendTo($wrapper);
			for (const action of actions(state)) {
				$('<button class="btn btn-default btn-sm mr-2 mb-1"></button>')
					.text(action.label)
					.prop("disabled", Boolean(state.problem))
					.on("click", () => ask(frm, action, () => run(frm, $buttons, $result, action)))
					.appendTo($buttons);
			}
			if (state.problem) muted(state.problem).appendTo($wrapper);
		}
		$result.appendTo($wrapper);
		$('<p class="mt-2 mb-0"></p>')
			.append(
				$('<a class="small"></a>')
					.attr("href", frappe.utils.generate_route({ type: "DocType", name: "Pax8 Webhook Event" }))
					.text(__("All Webhook Events"))
			)
			.appendTo($wrapper);
	}

	const muted = (text) => $('<p class="text-muted small mb-1"></p>').text(text);
	const indicator = (color, text) =>
		$(`<div class="indicator ${color}"></div>`).append($("<span></span>").text(text));

	function actions(state) {
		const set_up = { label: __("Set Up"), method: "set_up" };
		const again = { label: __("Set Up Again"), method: "set_up" };
		const remove = {
			label: __("Remove"),
			method: "remove",
			question: __("Delete the webhook at Pax8? What changes there is then seen by the next sync."),
		};
		const here = {
			label: __("Deliver Here"),
			method: "set_up",
			args: { move: true },
			question: __(
				"Pax8 will deliver to {0}. The address it delivers to now gets nothing any more: think of that if this site is a copy of another one.",
				[frappe.utils.escape_html(state.address)]
			),
		};
		const renew = {
			label: __("New Secret"),
			method: "new_secret",
			question: __("Give Pax8 a new secret? The old one proves nothing from then on."),
			done: __("Pax8 has a new secret."),
		};
		const on = { label: __("Switch On"), method: "switch", args: { active: true } };
		const off = { label: __("Switch Off"), method: "switch", args: { active: false } };
		const test = { label: __("Send Test"), method: "send_test" };
		return (
			{
				none: [set_up],
				missing: [set_up],
				elsewhere: [here, remove],
				off: [on, again, remove],
				active: [test, off, renew, again, remove],
			}[state.state] || [again, remove]
		);
	}

	function ask(frm, action, go) {
		if (frm.is_dirty()) {
			frappe.msgprint(__("Save or discard what you have changed in this form first."));
		} else if (action.question) {
			frappe.confirm(action.question, go);
		} else {
			go();
		}
	}

	async function run(frm, $buttons, $result, action) {
		$buttons.find("button").prop("disabled", true);
		$result.empty().append(muted(__("Asking Pax8…")));
		try {
			const answer = await frappe.xcall(API + action.method, action.args);
			if (action.method === "send_test") {
				await load(frm, await arrival($result, answer));
				return;
			}
			const message = action.done || answer;
			if (message) frappe.show_alert({ message: frappe.utils.escape_html(message), indicator: "green" });
		} catch {
			// Frappe has shown the message; what is so now is shown below
		}
		if (cur_frm === frm) await frm.reload_doc();
	}

	// The browser waits, not a web worker: the event needs one to come in.
	async function arrival($result, { topic, since }) {
		const started = Date.now();
		for (;;) {
			const seconds = Math.round((Date.now() - started) / 1000);
			const last = seconds >= TEST_SECONDS;
			$result.empty().append(muted(__("Sent {0}, waiting for it… {1} s", [topic, seconds])));
			const answer = await frappe.xcall(API + "test_result", { topic, since, ask_pax8: last });
			if (answer.received || last) return answer;
			await new Promise((resolve) => setTimeout(resolve, 1000));
		}
	}
})();
