/* The portal's page: asking for a change, withdrawing one, and seeing it applied. The server decides and words
   everything; what comes from it is put in as text, but for the overview, which it renders and escapes itself. */
(() => {
	const root = document.getElementById("licensing");
	const overview = root?.querySelector("[data-overview]");
	if (!overview) return;

	const texts = JSON.parse(root.querySelector("[data-texts]").textContent);
	const find = (selector) => root.querySelector(selector);
	const flash = find("[data-flash]");

	root.classList.add("lic-ready");

	// ------------------------------------------------------------------------------------------ server

	class Refusal extends Error {}

	async function call(method, args) {
		let response;
		try {
			response = await fetch(root.dataset.api + method, {
				method: "POST",
				credentials: "same-origin",
				headers: {
					Accept: "application/json",
					"Content-Type": "application/json",
					"X-Frappe-CSRF-Token": window.frappe?.csrf_token || "",
				},
				body: JSON.stringify(args),
			});
		} catch {
			throw new Refusal(texts.unreachable);
		}
		let body = {};
		try {
			body = await response.json();
		} catch {
			// An error page of a proxy, say.
		}
		if (response.ok) return body.message;
		const signed_out = response.status === 403 && (body.session_expired || /\buser_id=Guest\b/.test(document.cookie));
		if (body.exc_type === "CSRFTokenError" || [400, 401].includes(response.status) || signed_out) {
			throw new Refusal(texts.outdated);
		}
		throw new Refusal(words_of(body) || texts.failed);
	}

	function words_of(body) {
		try {
			return JSON.parse(body._server_messages)
				.map((message) => JSON.parse(message).message)
				.join(" ");
		} catch {
			return "";
		}
	}

	function tell(message, tone = "info") {
		flash.textContent = "";
		if (!message) return;
		const box = document.createElement("p");
		box.className = `lic-told lic-told-${tone}`;
		const text = document.createElement("span");
		text.textContent = message;
		const dismiss = document.createElement("button");
		dismiss.type = "button";
		dismiss.className = "lic-dismiss";
		dismiss.textContent = "×";
		dismiss.setAttribute("aria-label", texts.dismiss);
		dismiss.addEventListener("click", () => tell(""));
		box.append(text, dismiss);
		flash.append(box);
	}

	let renewals = 0;

	async function renew() {
		const turn = ++renewals;
		const answer = await call("overview", { client: root.dataset.client });
		if (turn !== renewals) return; // A newer one has been asked for.
		const open = [...overview.querySelectorAll("details[open]")].map((item) => item.dataset.keep);
		const focused = overview.contains(document.activeElement) && document.activeElement;
		const { subscription, request } = focused?.dataset || {};
		const place = focused?.id && `#${CSS.escape(focused.id)}`;
		const kept = focused?.closest?.("summary")?.parentElement.dataset.keep;
		overview.innerHTML = answer.html;
		for (const item of overview.querySelectorAll("details")) item.open = open.includes(item.dataset.keep);
		if (subscription || request) focus_on(subscription || request);
		else if (place) overview.querySelector(place)?.focus();
		else if (kept) overview.querySelector(`details[data-keep="${CSS.escape(kept)}"] > summary`)?.focus();
		search();
	}

	function focus_on(id) {
		const button = id && overview.querySelector(`[data-subscription="${CSS.escape(id)}"]`);
		(button || document.getElementById(`lic-${id}`))?.focus();
	}

	// ------------------------------------------------------------------------------------------ search

	const box = find("[data-search-box]");

	// As the server folds what is searched (portal/words.py): no matter which case, accents, width or form of letters.
	const letters = { ß: "ss", ı: "i", ł: "l", ø: "o", đ: "d", ð: "d", þ: "th", æ: "ae", œ: "oe", ς: "σ" };
	const without_marks = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "");
	const folded = (text) =>
		without_marks(without_marks(text).toLowerCase()).replace(/[ßıłøđðþæœς]/g, (letter) => letters[letter]);

	function search() {
		if (!box) return;
		const wanted = folded(box.value).split(/\s+/).filter(Boolean);
		const rows = [...overview.querySelectorAll(".lic-list > .lic-rows > .lic-row")];
		let shown = 0;
		for (const row of rows) {
			row.hidden = !wanted.every((word) => row.dataset.search.includes(word));
			shown += !row.hidden;
		}
		const count = texts.found.replace("{0}", shown).replace("{1}", rows.length);
		find("[data-found]").textContent = wanted.length ? count : "";
		const nothing = overview.querySelector("[data-nothing]");
		if (nothing) {
			nothing.hidden = !rows.length || shown > 0;
			nothing.textContent = nothing.hidden ? "" : texts.nothing_found;
		}
	}
	box?.addEventListener("input", search);

	// ------------------------------------------------------------------------------------------ dialogs

	/* One answer at a time, however often somebody presses; the button says what goes on. */
	function on_send(dialog, busy_text, send) {
		const button = dialog.querySelector("[data-send]");
		let busy = false;
		dialog.querySelector("form").addEventListener("submit", async (event) => {
			event.preventDefault();
			if (busy) return;
			busy = true;
			const label = button.textContent;
			button.setAttribute("aria-disabled", "true");
			button.textContent = busy_text;
			try {
				await send();
			} finally {
				busy = false;
				button.removeAttribute("aria-disabled");
				button.textContent = label;
			}
		});
		for (const item of dialog.querySelectorAll("[data-close]")) {
			item.addEventListener("click", () => dialog.close());
		}
		// Escape must not hide an answer that is on its way.
		dialog.addEventListener("cancel", (event) => busy && event.preventDefault());
		dialog.addEventListener("click", (event) => event.target === dialog && !busy && dialog.close());
	}

	async function renew_quietly() {
		try {
			await renew();
		} catch {
			// The page stays as it was; the next look will tell.
		}
		watch();
	}

	// ------------------------------------------------------------------------------------------ asking

	const ask = find("[data-ask]");
	const quantity = ask.querySelector("#lic-quantity");
	const note = ask.querySelector("#lic-note");
	const error = ask.querySelector("[data-ask-error]");
	const hint = ask.querySelector("[data-ask-hint]");
	const change = ask.querySelector("[data-ask-difference]");
	const when = ask.querySelector("[data-ask-when]");
	const [now, end] = when.querySelectorAll("input");
	let asked = null;
	let typed = 0;
	let checked = null; // the number that the choice below it is for
	let timer = null;

	function open_ask(button) {
		asked = { subscription: button.dataset.subscription, current: Number(button.dataset.quantity) };
		asked.limits = button.dataset.limits;
		ask.querySelector("[data-ask-product]").textContent = button.dataset.product;
		ask.querySelector("[data-ask-terms]").textContent = [button.dataset.vendor, button.dataset.terms]
			.filter(Boolean)
			.join(" · ");
		ask.querySelector("[data-ask-now]").textContent = button.dataset.quantity;
		quantity.value = button.dataset.quantity;
		checked = quantity.value;
		note.value = "";
		show_error("");
		show_difference();
		show_choice(null);
		hint.textContent = asked.limits;
		ask.showModal();
		quantity.focus();
		quantity.select();
	}

	function whole() {
		const text = quantity.value.trim();
		return /^\d{1,9}$/.test(text) ? Number(text) : null;
	}

	function show_difference() {
		const number = whole();
		if (number === null || number === asked.current) {
			change.textContent = "";
			return;
		}
		const text = number > asked.current ? texts.more : texts.fewer;
		change.textContent = text.replace("{0}", Math.abs(number - asked.current));
	}

	function show_error(message) {
		error.textContent = message;
		quantity.setAttribute("aria-invalid", message ? "true" : "false");
	}

	/* Now, or at the end of the term: what was chosen stays chosen while the number changes. */
	function show_choice(choice) {
		when.hidden = !choice;
		if (!choice) return;
		ask.querySelector("[data-ask-end]").textContent = choice.end;
		ask.querySelector("[data-ask-end-hint]").textContent = choice.end_hint;
		now.disabled = !choice.now;
		(choice.now && asked.timing !== end.value ? now : end).checked = true;
	}
	for (const way of [now, end]) way.addEventListener("change", () => (asked.timing = way.value));

	function on_typing() {
		show_difference();
		clearTimeout(timer);
		const turn = ++typed;
		// While somebody is about to type, "enter a number" and "you already have that" are no news.
		if (!quantity.value.trim() || whole() === asked.current) {
			show_error("");
			show_choice(null);
			checked = quantity.value;
			hint.textContent = asked.limits;
			return;
		}
		timer = setTimeout(() => check(turn), 250);
	}

	async function check(turn, refused = false) {
		let answer;
		const number = quantity.value;
		try {
			answer = await call("check", { subscription: asked.subscription, quantity: number });
		} catch {
			return; // Sending will tell.
		}
		root.dispatchEvent(new CustomEvent("licensing:checked", { detail: answer }));
		if (turn !== typed || !ask.open) return;
		checked = number;
		show_choice(answer.when);
		if (refused) return; // What was answered to sending stays to be read.
		show_error(answer.message);
		hint.textContent = answer.ok ? answer.hint || asked.limits : "";
	}

	quantity.addEventListener("input", on_typing);
	quantity.addEventListener("keydown", (event) => {
		if (event.key === "ArrowUp" || event.key === "ArrowDown") {
			event.preventDefault();
			step(event.key === "ArrowUp" ? 1 : -1);
		}
	});
	for (const button of ask.querySelectorAll("[data-step]")) {
		button.addEventListener("click", () => step(Number(button.dataset.step)));
	}

	function step(by) {
		const number = whole();
		quantity.value = Math.max(number === null ? asked.current : number + by, 1);
		on_typing();
	}

	on_send(ask, texts.sending, async () => {
		clearTimeout(timer);
		typed += 1;
		const { subscription, current } = asked;
		if (quantity.value !== checked) {
			const hidden = when.hidden;
			await check(typed);
			// A choice that nobody has seen is not made for them.
			if (hidden && !when.hidden) {
				when.querySelector("input:checked").focus();
				return;
			}
		}
		try {
			const answer = await call("request_change", {
				subscription,
				quantity: quantity.value,
				seen_quantity: current,
				note: note.value,
				timing: when.hidden ? now.value : when.querySelector("input:checked").value,
			});
			ask.close();
			await renew_quietly();
			tell(answer.message, "good");
			focus_on(subscription);
		} catch (problem) {
			if (!(problem instanceof Refusal)) throw problem;
			show_error(problem.message);
			hint.textContent = "";
			quantity.focus();
			await renew_quietly();
			see_again();
			check(typed, true);
		}
	});

	/* What is behind the dialog may be what has changed: the next try goes by the quantity that is there now. */
	function see_again() {
		const button = overview.querySelector(`[data-subscription="${CSS.escape(asked.subscription)}"]`);
		if (!button) return;
		asked.current = Number(button.dataset.quantity);
		ask.querySelector("[data-ask-now]").textContent = button.dataset.quantity;
		show_difference();
	}

	ask.addEventListener("close", () => focus_on(asked.subscription));

	// ------------------------------------------------------------------------------------------ withdrawing

	const take_back = find("[data-withdraw]");
	const withdraw_error = take_back.querySelector("[data-withdraw-error]");
	let waiting = "";

	function open_withdraw(button) {
		waiting = button.dataset.request;
		take_back.querySelector("[data-withdraw-product]").textContent = button.dataset.product;
		const { current, wanted } = button.dataset;
		take_back.querySelector("[data-withdraw-numbers]").textContent = `${current} → ${wanted}`;
		withdraw_error.textContent = "";
		take_back.showModal();
	}

	on_send(take_back, texts.withdrawing, async () => {
		try {
			const answer = await call("withdraw", { request: waiting });
			take_back.close();
			await renew_quietly();
			tell(answer.message);
			focus_on(waiting);
		} catch (problem) {
			if (!(problem instanceof Refusal)) throw problem;
			withdraw_error.textContent = problem.message;
			renew_quietly();
		}
	});

	// ------------------------------------------------------------------------------------------ deciding

	const decide = find("[data-decide]"); // only approvers have it
	let deciding = null;

	function open_decide(button) {
		deciding = { ...button.dataset };
		const { action, product, current, wanted, change, amount } = deciding;
		decide.querySelector("[data-decide-title]").textContent = texts[`${action}_title`];
		decide.querySelector("[data-decide-product]").textContent = product;
		decide.querySelector("[data-decide-numbers]").textContent = `${current} → ${wanted} (${change})`;
		decide.querySelector("[data-decide-amount]").textContent = amount;
		decide.querySelector("[data-decide-reason]").hidden = action !== "decline";
		decide.querySelector("[data-decide-error]").textContent = "";
		decide.querySelector("[data-send]").textContent = texts[action];
		decide.querySelector("#lic-reason").value = "";
		decide.showModal();
		// What is pressed by mistake can be pressed again; an approval cannot be taken back.
		decide.querySelector(action === "decline" ? "#lic-reason" : "[data-close]").focus();
	}

	function send_decision() {
		const { action, request, current, seen } = deciding;
		if (action === "approve") {
			return call("approve", { request, seen_quantity: Number(current), seen_amount: seen });
		}
		return call("decline", { request, reason: decide.querySelector("#lic-reason").value });
	}

	if (decide) {
		on_send(decide, texts.deciding, async () => {
			try {
				const answer = await send_decision();
				decide.close();
				await renew_quietly();
				tell(answer.message, "good");
			} catch (problem) {
				if (!(problem instanceof Refusal)) throw problem;
				decide.querySelector("[data-decide-error]").textContent = problem.message;
				await renew_quietly();
				// The quantity or the amount may be what has changed: the next try goes by what is there now, and is read now.
				const button = overview.querySelector(`[data-request="${CSS.escape(deciding.request)}"][data-action="approve"]`);
				if (button) {
					const { current, wanted, change, amount, seen } = button.dataset;
					Object.assign(deciding, { current, amount, seen });
					decide.querySelector("[data-decide-numbers]").textContent = `${current} → ${wanted} (${change})`;
					decide.querySelector("[data-decide-amount]").textContent = amount;
				}
			}
		});
		decide.addEventListener("close", () => {
			const left = overview.querySelector(`[data-request="${CSS.escape(deciding.request)}"]`);
			(left || document.getElementById("lic-approvals"))?.focus();
		});
	}

	overview.addEventListener("click", (event) => {
		const button = event.target.closest("[data-action]");
		if (!button) return;
		tell("");
		const { action } = button.dataset;
		if (action === "change") open_ask(button);
		else if (action === "withdraw") open_withdraw(button);
		else open_decide(button);
	});

	// ------------------------------------------------------------------------------------------ watching

	/* Looks every few seconds how far changes on their way are: for a minute, while the page is seen. */
	const EVERY = 3000;
	const FOR = 60000;
	let until = 0;
	let looking = null;

	function watch() {
		until = Date.now() + FOR;
		if (!looking && moving().length) looking = setTimeout(look, EVERY);
	}

	function moving() {
		return [...overview.querySelectorAll("[data-moving]")].slice(0, 5);
	}

	async function look() {
		looking = null;
		if (document.hidden || Date.now() > until) return;
		let news = null;
		let changed = false;
		for (const item of moving()) {
			let answer;
			try {
				answer = await call("status", { request: item.dataset.moving });
			} catch {
				continue;
			}
			if (answer.state !== item.dataset.word) {
				changed = true;
				if (!answer.moving) news = answer;
			}
		}
		if (changed) {
			try {
				await renew();
				if (news) tell(news.message, news.tone);
			} catch {
				// Tried again in a moment.
			}
		}
		if (moving().length) looking = setTimeout(look, EVERY);
	}

	document.addEventListener("visibilitychange", () => document.hidden || watch());

	search();
	watch();
})();
