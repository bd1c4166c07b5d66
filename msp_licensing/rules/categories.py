"""A first guess at a product's category. Pax8's API has none; staff change the guess, and no sync undoes that."""

from __future__ import annotations

# First match wins; words are looked for in "vendor product", case-folded.
_WORDS: tuple[tuple[str, tuple[str, ...]], ...] = (
	(
		"Cloud Infrastructure",
		("azure", "aws", "amazon web", "google cloud", "virtual machine", "reserved instance"),
	),
	(
		"Backup",
		(
			"backup",
			"dropsuite",
			"acronis",
			"veeam",
			"datto",
			"axcient",
			"skykick",
			"cove",
			"recovery",
			"archiv",
		),
	),
	(
		"Email Security",
		("proofpoint", "mimecast", "ironscales", "avanan", "inky", "email security", "exclaimer"),
	),
	("Security Awareness", ("knowbe4", "awareness", "phish", "usecure", "bullphish")),
	(
		"Security",
		(
			"defender",
			"sophos",
			"sentinelone",
			"bitdefender",
			"eset",
			"webroot",
			"huntress",
			"threatlocker",
			"crowdstrike",
			"malwarebytes",
			"antivirus",
			"endpoint",
			"firewall",
			"mdr",
			"edr",
			"security",
		),
	),
	(
		"Identity",
		("duo", "entra", "okta", "keeper", "1password", "lastpass", "bitwarden", "password", "jumpcloud"),
	),
	("Voice", ("teams phone", "calling", "ringcentral", "dialpad", "voice", "audio conferencing")),
	("Creative", ("adobe", "acrobat", "creative cloud", "canva", "bluebeam")),
	("Management", ("intune", "rmm", "nerdio", "addigy", "monitor", "liongard", "hudu")),
	(
		"Productivity",
		(
			"microsoft 365",
			"office 365",
			"exchange",
			"sharepoint",
			"visio",
			"project",
			"power bi",
			"teams",
			"workspace",
		),
	),
)


def guess_category(product_name: str | None, vendor: str | None) -> str | None:
	"""A category for a product by words in its names, or None.

	>>> guess_category("Microsoft 365 Business Premium", "Microsoft")
	'Productivity'
	"""
	text = f"{vendor or ''} {product_name or ''}".casefold()
	return next((category for category, words in _WORDS if any(word in text for word in words)), None)
