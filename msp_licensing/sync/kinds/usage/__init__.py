"""Usage of the current month: totals of each resource group, a snapshot a day, and the lines of some days.

**Calls.** Pax8 lists usage by subscription only, a page of 200 summaries a call, and lines by summary and day only. So a
run makes one call for each page of:

- the subscriptions of each of the partner's own companies, which are not mirrored;
- the summaries of each subscription that is billed by usage (`scope`);
- the lines of each summary and day that has not been read yet, or may have changed: see `lines`.

In the first days of a month come a few calls for summaries of which it is not certain whose month they are of (`months`).
No list is read twice, and nothing is read of products that are sold by the seat.

**What is stored.** `store` writes groups, snapshots and months in multi-row statements, a transaction for each batch.
`placement` says whose a group is. A total that is read again replaces the one of the same day; totals are never added up.
"""

from msp_licensing.sync.kinds.usage.walk import is_used_by, read_subscription, sync

__all__ = ["is_used_by", "read_subscription", "sync"]
