"""The steps of a history that are no syncs: what happens at Pax8 meanwhile, and what staff do."""

import copy
from typing import Any

CLIENTS = ("Model Client A", "Model Client B")
STATUSES = ("Active", "Cancelled", "PendingManual", "Trial", "Hibernating")
ADDED_COMPANIES = tuple(f"c0000000-0000-4000-8000-0000000009{number:02}" for number in range(3))


def one_of(names: list[str], which: int) -> str | None:
	"""One of the names; more often than not one of the first, so that several things happen to the same record."""
	return names[which % (min(4, len(names)) if which < 70 else len(names))] if names else None


class Happenings:
	"""What a World (sync_model) lets happen. Each step takes whole numbers, any of them, which pick what it is about."""

	# ------------------------------------------------------------------------------------------- what happens at Pax8

	def change_subscription(self, which: int, what: int, value: int) -> None:
		if row := self._pick("subscriptions", which):
			changes = (
				{"quantity": value % 50 + 1},
				{"status": STATUSES[value % len(STATUSES)]},
				{"price": (None, 0, 4.5, 12.123, 99)[value % 5]},
				{"billingTerm": ("Monthly", "Annual", "2-Year")[value % 3]},
				{"productName": f"Renamed {value % 3}"},
				{
					"commitmentTerm": (
						{"term": "1-Year", "endDate": f"203{value % 9}-01-31T00:00:00Z"},
						None,
					)[value % 2]
				},
				{"endDate": ("2031-05-05", None)[value % 2]},
				{"quantity": value % 7 + 1, "status": STATUSES[value % 3], "price": value % 9 + 0.25},
			)
			self.sandbox.change("subscriptions", row, **changes[what % len(changes)])

	def add_subscription(self, company: int, product: int, quantity: int) -> None:
		owner, sold = self._pick("companies", company), self._pick("products", product)
		if owner and sold:
			name = f"50000000-0000-4000-8000-0000000008{next(self.numbers):02}"
			self._make(
				"subscriptions",
				{"id": name, "companyId": owner, "productId": sold, "quantity": quantity % 50 + 1},
			)

	def vanish_subscription(self, which: int) -> None:
		if row := self._pick("subscriptions", which):
			self._let_go("subscriptions", row, ("id", "companyId", "productId", "quantity"))

	def return_subscription(self, which: int) -> None:
		self._bring_back("subscriptions", which)

	def move_subscription(self, which: int, company: int) -> None:
		row, owner = self._pick("subscriptions", which), self._pick("companies", company)
		if row and owner:
			self.sandbox.change("subscriptions", row, companyId=owner)

	def change_company(self, which: int, value: int) -> None:
		if row := self._pick("companies", which):
			changes = (
				{"name": f"Company {value % 4}"}
				if value % 3
				else {"status": ("Active", "Inactive")[value % 2]}
			)
			self.sandbox.change("companies", row, **changes)

	def add_company(self, which: int) -> None:
		name = ADDED_COMPANIES[which % len(ADDED_COMPANIES)]
		if name not in self._names("companies"):
			self._make("companies", {"id": name, "name": f"Added {which % 3}"})

	def vanish_company(self, which: int) -> None:
		if row := self._pick("companies", which):
			for wire in self._remote("subscriptions"):
				if wire["companyId"] == row:
					self._let_go("subscriptions", wire["id"], ("id", "companyId", "productId", "quantity"))
			self._let_go("companies", row, ("id", "name"))

	def return_company(self, which: int) -> None:
		self._bring_back("companies", which)

	def change_product(self, which: int, what: int, value: int) -> None:
		if row := self._pick("products", which):
			plan = {"billingTerm": "Monthly", "type": "Flat", "unitOfMeasurement": "User"}
			rates = [
				{"suggestedRetailPrice": value % 4 + 0.5, "startQuantityRange": 1, "chargeType": "Per Unit"}
			]
			changes = (
				{"name": f"Product {value % 3}"},
				{"vendorName": f"Vendor {value % 3}"},
				{"pricing": [{**plan, "rates": rates}]},
				{"pricing": []},
			)
			self.sandbox.change("products", row, **changes[what % len(changes)])

	def vanish_product(self, which: int) -> None:
		if row := self._pick("products", which):
			self._let_go("products", row, ("id", "name", "vendorName"))

	def return_product(self, which: int) -> None:
		self._bring_back("products", which)

	def _make(self, table: str, values: dict[str, Any]) -> None:
		self.sandbox.change(table, **values)

	def _let_go(self, table: str, name: str, kept: tuple[str, ...]) -> None:
		(wire,) = [wire for wire in self._remote(table) if wire["id"] == name]
		self.gone[table].append({field: wire[field] for field in kept})
		self.sandbox.vanish(table, name)

	def _bring_back(self, table: str, which: int) -> None:
		if not self.gone[table]:
			return
		values = self.gone[table].pop(which % len(self.gone[table]))
		here = {name: self._names(name) for name in ("companies", "products")}
		if table == "subscriptions" and not (
			values["companyId"] in here["companies"] and values["productId"] in here["products"]
		):
			return
		if values["id"] not in self._names(table):
			self._make(table, values)

	def _remote(self, table: str) -> list[dict[str, Any]]:
		with self.sandbox.app.lock:
			return [copy.deepcopy(row.wire()) for row in getattr(self.sandbox.world, table).order]

	def _names(self, table: str) -> list[str]:
		return [wire["id"] for wire in self._remote(table)]

	def _pick(self, table: str, which: int) -> str | None:
		return one_of(self._names(table), which)

	# ------------------------------------------------------------------------------------------------ what staff do

	def map_company(self, which: int, client_number: int) -> None:
		"""Maps a company, gives it to another client, or (every third number) unmaps it."""
		company = one_of(sorted(self.stored["Pax8 Company"]), which)
		if not company:
			return
		chosen = (*CLIENTS, None)[client_number % 3]
		doc = self.site.get_doc("Pax8 Company", company)
		doc.update({"client_doctype": self.client_doctype if chosen else None, "client": chosen})
		doc.save()
		self.site.db.commit()
		if chosen:
			self.mapping[company] = chosen
		else:
			self.mapping.pop(company, None)

	def set_rule(self, which: int, value: int) -> None:
		name = one_of(sorted(self.stored["Pax8 Subscription"]), which)
		if not name:
			return
		rule = {
			"self_service": ("Inherit", "Allow", "Deny")[value % 3],
			"approval": ("Inherit", "Always", "Not by default")[value % 3],
			"show_to_client": value % 2,
			"override_limits": 1,
			"min_quantity": value % 4 + 1,
			"max_quantity": value % 4 + 9,
		}
		self.site.get_doc("Pax8 Subscription", name).update(rule).save()
		self.site.db.commit()
		self.staff["Pax8 Subscription"][name] = rule

	def choose_product(self, which: int, value: int) -> None:
		name = one_of(sorted(self.stored["Pax8 Product"]), which)
		if not name:
			return
		choice = {"visible": value % 2, "featured": value // 2 % 2, "category": f"Category {value % 3}"}
		self.site.get_doc("Pax8 Product", name).update(choice).save()
		self.site.db.commit()
		self.staff["Pax8 Product"][name] = choice
