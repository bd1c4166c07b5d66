"""What the steps of a history choose from: subscriptions, policies, rules, and what may go wrong."""

from typing import Any

from msp_licensing.sandbox import storybook

CEDARS = (storybook.CEDAR_KEEPER, storybook.CEDAR_SOPHOS, storybook.CEDAR_BUSINESS_BASIC)
MUELLERS = (storybook.MUELLER_EXCLAIMER, storybook.MUELLER_BUSINESS_PREMIUM)
SUBSCRIPTIONS = CEDARS + MUELLERS
COMMITTED = (storybook.CEDAR_BUSINESS_BASIC, storybook.MUELLER_BUSINESS_PREMIUM)

DT = "License Change Request"
NOW, TERM_END = "Now", "End of Term"
WAITING = ("Pending Client Approval", "Pending Approval")
WITHDRAWABLE = (*WAITING, "Scheduled")
REJECTABLE = WITHDRAWABLE
OPEN = (*WITHDRAWABLE, "Approved", "Applying", "Needs Review")
# What a request never changes once it is made.
LASTING = ("subscription", "client", "requested_quantity", "requested_by", "source", "timing")

_RELEASED = ("Approved", "Scheduled")
_WORKED_OFF = ("Applying", "Applied", "Failed", "Needs Review", "Pending Approval", "Approved")
# What each kind of step may do to a request: pairs of states before and after. None is a request that is not there.
EDGES: dict[str, set[tuple[str | None, str]]] = {
	"submit": {(None, state) for state in (*WAITING, *_RELEASED)},
	"submit_for_staff": {(None, "Pending Approval")},
	"agree": {("Pending Client Approval", state) for state in ("Pending Approval", *_RELEASED)},
	"decline": {("Pending Client Approval", "Rejected")},
	"withdraw": {(state, "Withdrawn") for state in WITHDRAWABLE},
	"approve": {("Pending Approval", state) for state in _RELEASED},
	"reject": {(state, "Rejected") for state in REJECTABLE},
	"retry": {("Failed", "Approved")},
	"direct": {(None, "Approved")},
	"work": {(before, after) for before in ("Approved", "Applying") for after in _WORKED_OFF},
	"look": {
		("Scheduled", state) for state in ("Approved", "Pending Approval", "Applied", "Withdrawn", "Expired")
	},
	"reconcile": {("Needs Review", "Applied"), ("Needs Review", "Failed")},
	"nightly": {(state, "Expired") for state in WAITING},
}
# The jobs about change requests, and the kind of step that each of them is.
JOBS = {
	"msp_licensing.changes.apply.run": "work",
	"msp_licensing.changes.reconcile.run": "reconcile",
	"msp_licensing.changes.schedule.look": "look",
	"msp_licensing.changes.moved.run": "moved",
}
USUAL_RULE = {
	"self_service": "Inherit",
	"approval": "Inherit",
	"override_limits": 0,
	"min_quantity": 1,
	"max_quantity": 0,
}
USUAL_POLICY = {
	"require_approval_by_default": 0,
	"use_auto_approve_threshold": 1,
	"auto_approve_threshold": 50,
	"allow_self_service_by_default": 1,
	"default_min_quantity": 1,
	"default_max_quantity": 200,
	"allow_self_approval": 0,
	"allow_direct_changes": 1,
	"pending_expiry_days": 30,
	"threshold_may_release": 0,
	"decreases_need_approval": 0,
	"free_seats": 0,
	"window_days": 0,
	"limit_per_change": 0,
	"limit_per_month": 0,
	"limit_currency": "USD",
	"use_client_approval": 0,
	"client_approval_above": 0,
	"vendors": ("Microsoft",),
}
# What staff change at a time.
POLICIES: tuple[dict[str, Any], ...] = (
	{},
	{"require_approval_by_default": 1},
	{"use_auto_approve_threshold": 0},
	{"auto_approve_threshold": 0},
	{"auto_approve_threshold": 20},
	{"auto_approve_threshold": 400},
	{"vendors": ()},
	{"vendors": ("sophos", "Keeper Security")},
	{"allow_self_service_by_default": 0},
	{"default_min_quantity": 9, "default_max_quantity": 40},
	{"allow_self_approval": 1},
	{"allow_direct_changes": 0},
	{"pending_expiry_days": 0},
	{"pending_expiry_days": 3},
	{"require_approval_by_default": 1, "threshold_may_release": 1},
	{"decreases_need_approval": 1},
	{"free_seats": 2, "auto_approve_threshold": 5},
	{"free_seats": 2, "auto_approve_threshold": 0},
	{"window_days": 7},
	{"window_days": 30, "free_seats": 3},
	{"limit_per_change": 20, "auto_approve_threshold": 400},
	{"limit_per_month": 60, "auto_approve_threshold": 400},
	{"use_client_approval": 1},
	{"use_client_approval": 1, "client_approval_above": 15},
)
# What a client's own policy says, and what that means for the fields above.
CLIENT_POLICIES: tuple[tuple[dict[str, Any], dict[str, Any]], ...] = (
	({"disabled": 1, "require_approval": "On"}, {}),
	({"require_approval": "On"}, {"require_approval_by_default": 1}),
	({"require_approval": "Off"}, {"require_approval_by_default": 0}),
	(
		{"threshold_mode": "Own", "threshold": 25},
		{"use_auto_approve_threshold": 1, "auto_approve_threshold": 25},
	),
	({"threshold_mode": "None"}, {"use_auto_approve_threshold": 0}),
	({"decreases_need_approval": "On"}, {"decreases_need_approval": 1}),
	({"self_service": "Deny"}, {"allow_self_service_by_default": 0}),
	({"self_service": "Allow"}, {"allow_self_service_by_default": 1}),
	(
		{"override_limits": 1, "min_quantity": 11, "max_quantity": 35},
		{"default_min_quantity": 11, "default_max_quantity": 35},
	),
	({"client_approval": "Needed"}, {"use_client_approval": 1}),
	({"client_approval": "Not Needed"}, {"use_client_approval": 0}),
	({"override_free_seats": 1, "free_seats": 4}, {"free_seats": 4}),
	({"override_window": 1, "window_days": 14}, {"window_days": 14}),
	(
		{"override_amounts": 1, "limit_currency": "USD", "limit_per_change": 25},
		{"limit_per_change": 25, "limit_per_month": 0},
	),
)
# What a license costs a client, per billing term; 0: nobody has said.
PRICES = (4.5, 4.5, 0, 9.99)
RULES: tuple[dict[str, Any], ...] = (
	{},
	{"approval": "Always"},
	{"approval": "Not by default"},
	{"self_service": "Deny"},
	{"self_service": "Allow"},
	{"override_limits": 1, "min_quantity": 8, "max_quantity": 44},
)
MODES = ("Live", "Observe", "Off")
MINUTES = (1, 6, 31, 61, 5 * 60, 25 * 60, 3 * 24 * 60, 45 * 24 * 60)

UPDATE, READ = "updateSubscription", "findSubscriptionBySubscriptionId"
ROUND = {"Retry-After": "0"}
# What may go wrong with the write, with a read before it or after it, or with all of it. None: nothing.
FAULTS: tuple[dict[str, Any] | None, ...] = (
	None,
	{"operation": UPDATE, "kind": "drop_before"},
	{"operation": UPDATE, "kind": "drop_after"},
	{"operation": UPDATE, "kind": "reset_before"},
	{"operation": UPDATE, "kind": "reset_after"},
	{"operation": UPDATE, "kind": "status", "status": 500},
	{"operation": UPDATE, "kind": "status", "status": 500, "after": True},
	{"operation": UPDATE, "kind": "status", "status": 408, "after": True},
	{"operation": UPDATE, "kind": "status", "status": 429, "headers": ROUND},
	{"operation": UPDATE, "kind": "status", "status": 403},
	{"operation": UPDATE, "kind": "status", "status": 404},
	{"operation": UPDATE, "kind": "status", "status": 422},
	{"operation": UPDATE, "kind": "status", "status": 302, "headers": {"Location": "https://login.example"}},
	{"operation": UPDATE, "kind": "html", "after": True},
	{"operation": UPDATE, "kind": "truncated"},
	{"operation": UPDATE, "kind": "broken_body"},
	{"operation": UPDATE, "kind": "empty"},
	{"operation": UPDATE, "kind": "outside"},
	{"operation": UPDATE, "kind": "meanwhile", "calls": [{"method": "DELETE", "path": "/tokens"}]},
	{"operation": READ, "kind": "outside"},
	{"operation": READ, "kind": "outside", "skip": 1},
	{"operation": READ, "kind": "status", "status": 404},
	{"operation": READ, "kind": "status", "status": 404, "skip": 1},
	{"operation": READ, "kind": "status", "status": 503, "count": None},
	{"operation": READ, "kind": "status", "status": 503, "count": None, "skip": 1},
	{"operation": READ, "kind": "drop_before", "count": 2, "skip": 1},
	{"operation": READ, "kind": "broken_body"},
	{"operation": READ, "kind": "status", "status": 429, "headers": ROUND, "count": None},
	{"operation": "*", "kind": "drop_before", "count": None},
	{"operation": "*", "kind": "status", "status": 502, "count": None},
	{"operation": UPDATE, "kind": "blind"},
)
BLIND = len(FAULTS) - 1
"""The write is done, its answer is lost, and nothing can be read afterwards."""
KILLABLE = (
	*("work",) * 4,
	"submit",
	"approve",
	"approve_another",
	"change_now",
	"agree",
	"withdraw",
	"reject",
	"retry",
	"follow_up",
	"nightly",
	"look_again",
)
PLACES = ("call", "statement", "before commit", "after commit")
