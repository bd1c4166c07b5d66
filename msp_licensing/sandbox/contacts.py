"""A company's contacts, and what they have to do with its status.

A company needs a primary contact of each type to be Active (ContactType and Company.status in the spec).
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from msp_licensing.sandbox.dates import as_date
from msp_licensing.sandbox.model import Company

if TYPE_CHECKING:
	from msp_licensing.sandbox.world import World

CONTACT_TYPES = ("Admin", "Billing", "Technical")
_NAMESPACE = uuid.UUID("9d0b8a35-1c5e-4f0e-8f55-3d0c7a1f6b20")
_NAMES = (
	("Alex", "Rivera"),
	("Zoë", "Müller"),
	("Sam", "O'Brien"),
	("Priya", "Nair"),
	("Jean-Luc", "Dubois"),
	("Łucja", "Wójcik"),
)


@dataclass(slots=True, eq=False)
class Contact:
	"""A person. `types` says for each type that the person is of whether as the primary contact."""

	id: str
	first_name: str
	last_name: str
	email: str
	phone: str
	created: date
	types: dict[str, bool] = field(default_factory=dict)

	def wire(self) -> dict[str, Any]:
		"""The spec's Contact."""
		return {
			"id": self.id,
			"firstName": self.first_name,
			"lastName": self.last_name,
			"email": self.email,
			"phone": self.phone,
			"createdDate": as_date(self.created),
			"types": [{"type": name, "primary": primary} for name, primary in self.types.items()],
		}


def contacts_of(world: World, company: Company) -> list[Contact]:
	"""A company's contacts, oldest first. Those of a company that came with none are made up at the first look."""
	contacts = world.contacts.get(company.id)
	if contacts is None:
		contacts = world.contacts[company.id] = _made_up(company)
	return contacts


def types_without_primary(contacts: list[Contact]) -> list[str]:
	"""The types for which nobody is the primary contact."""
	return [name for name in CONTACT_TYPES if not any(contact.types.get(name) for contact in contacts)]


def make_primary(contacts: list[Contact], chosen: Contact) -> None:
	"""See to it that nobody else is the primary contact where `chosen` is."""
	for contact in contacts:
		for name, primary in contact.types.items():
			if primary and contact is not chosen and chosen.types.get(name):
				contact.types[name] = False


def _made_up(company: Company) -> list[Contact]:
	chance = uuid.uuid5(_NAMESPACE, company.id).int
	domain = urlsplit(company.website).hostname or "client.example"
	first_day = company.updated.date() - timedelta(days=400)
	contacts = []
	for number in range(1 + chance % 3):
		first, last = _NAMES[(chance // 7 + number) % len(_NAMES)]
		contacts.append(
			Contact(
				id=str(uuid.uuid5(_NAMESPACE, f"{company.id} {number}")),
				first_name=first,
				last_name=last,
				email=f"contact{number + 1}@{domain.removeprefix('www.')}",
				phone=company.phone,
				created=first_day + timedelta(days=30 * number),
			)
		)
	# An inactive company lacks its technical contact, which is what it is inactive for.
	needed = CONTACT_TYPES if company.status == "Active" else CONTACT_TYPES[:2]
	for number, name in enumerate(needed):
		contacts[number % len(contacts)].types[name] = True
	return contacts
