// The section "Webhooks" of Pax8 Settings.
(() => {
	const API = "msp_licensing.desk.webhooks.";
	const TEST_SECONDS = 15;

	frappe.ui.form.on("Pax8 Settings", { refresh: (frm) => load(frm) });

	async function load(frm) {
		const $wrapper = frm.get_field("webhooks_html").$wrapper;
		if (!$wrapper.children().length) {
			$wrapper.append($('<p class="text-muted"></p>').text(__("Asking Pax8…")));
		}
		const asked = (frm.webhooks_asked = (frm.webhooks_asked || 0) + 1);
		let state;
		try {
			state = await frappe.xcall(API + "state");
		} catch {
			if (asked === frm.webhooks_asked) $wrapper.empty(); // Frappe has shown the message
			return;
		}
		if (asked === frm.webhooks_asked) show(frm, $wrapper.empty(), state);
	}

	function show(frm, $wrapper, state) {
		$(`<div class="mb-2 indicator ${state.color}"></div>`)
			.append($("<span></span>").text(state.message))
			.appendTo($wrapper);
		for (const note of state.notes) muted(note).appendTo($wrapper);
		if (state.topics.length) muted(__("Topics: {0}", [state.topics.join(", ")])).appendTo($wrapper);
		if (state.state !== "none") muted(__("Address of this site: {0}", [state.address])).appendTo($wrapper);

		const $result = $('<div class="mt-3" role="status"></div>');
		if (state.may_change) {
			const $buttons = $('<div class="mt-3"></div>').appendTo($wrapper);
			for (const [label, act] of actions(frm, state, $result)) {
				$('<button class="btn btn-default btn-sm mr-2 mb-1"></button>')
					.text(label)
					.prop("disabled", Boolean(state.problem))
					.on("click", (event) => run(frm, $(event.currentTarget).parent(), $result, act))
					.appendTo($buttons);
			}
			if (state.problem) muted(state.problem).appendTo($wrapper);
		}
		$result.appendTo($wrapper);
		$('<p class="mt-2 mb-0"></p>')
			.append($('<a class="small" href="/app/pax8-webhook-event"></a>').text(__("All Webhook Events")))
			.appendTo($wrapper);
	}

	const muted = (text) => $('<p class="text-muted small mb-1"></p>').text(text);

	function actions(frm, state, $result) {
		const setUp = [__("Set Up"), () => call("set_up")];
		const again = [__("Set Up Again"), () => call("set_up")];
		const remove = [
			__("Remove"),
			() => confirmed(__("Delete the webhook at Pax8? Changes are then seen by the next sync."), "remove"),
		];
		switch (state.state) {
			case "none":
			case "missing":
				return [setUp];
			case "elsewhere":
				return [
					[
						__("Deliver Here"),
						() =>
							confirmed(
								__(
									"Pax8 will deliver to {0}. The address it delivers to now gets nothing any more: think of that if this site is a copy of another one.",
									[frappe.utils.escape_html(state.address)]
								),
								"set_up",
								{ move: true }
							),
					],
					remove,
				];
			case "off":
				return [[__("Switch On"), () => call("switch", { active: true })], again, remove];
			case "active":
				return [
					[__("Send Test"), () => test($result)],
					[__("Switch Off"), () => call("switch", { active: false })],
					[
						__("New Secret"),
						() =>
							confirmed(
								__("Give Pax8 a new secret? The old one proves nothing from then on."),
								"new_secret"
							),
					],
					again,
					remove,
				];
			default:
				return [again, remove];
		}
	}

	const call = (method, args) => frappe.xcall(API + method, args);

	function confirmed(question, method, args) {
		return new Promise((resolve, reject) => {
			frappe.confirm(
				question,
				() => call(method, args).then(resolve, reject),
				() => resolve(null)
			);
		});
	}

	async function run(frm, $buttons, $result, act) {
		if (frm.is_dirty()) {
			frappe.msgprint(__("Save or discard what you have changed in this form first."));
			return;
		}
		$buttons.find("button").prop("disabled", true);
		$result.empty().append(muted(__("Asking Pax8…")));
		let answer = null;
		try {
			answer = await act();
		} catch {
			$result.empty(); // Frappe has shown the message
		}
		if (answer?.keep) {
			$buttons.find("button").prop("disabled", false);
			return;
		}
		if (typeof answer === "string") frappe.show_alert({ message: answer, indicator: "green" });
		if (cur_frm === frm) await frm.reload_doc();
	}

	async function test($result) {
		const { topic, since } = await call("send_test");
		const started = Date.now();
		let answer;
		for (;;) {
			const seconds = Math.round((Date.now() - started) / 1000);
			$result.empty().append(muted(__("Sent {0}, waiting for it… {1} s", [topic, seconds])));
			const last = seconds >= TEST_SECONDS;
			answer = await call("test_result", { topic, since, ask_pax8: last });
			if (answer.received || last) break;
			await new Promise((resolve) => setTimeout(resolve, 1000));
		}
		$result
			.empty()
			.append(
				$(`<div class="indicator ${answer.received ? "green" : "orange"}"></div>`).append(
					$("<span></span>").text(answer.message)
				)
			);
		return { keep: true };
	}
})();
