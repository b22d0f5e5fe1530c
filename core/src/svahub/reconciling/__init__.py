"""Comparing what a provider has with what we know of it, and what follows: pure. No I/O, no database, no clock.

A comparison (`areas.reconciling`) lists a provider's users as a stream. Each is kept, without personal data, with whose
it is (`store.listed_users`): by our reference for the account, by one of its subscriptions', else by the document; so a
listing that is cut off goes on where it was, also in another process. Only when it has come to its end is anything
judged, account by account in one pass: what a page of accounts costs does not grow with how many there are.

Whom it listed is kept in an indexed table, not in sorted files that are merged with ours. With 100,000 users
(`benchmarks/reconcile.py --ways`) the files took two thirds of the processor's time and 1.6 times the memory; but they
are gone with the process, so that no listing could be gone on with, and they have one order: who bears no reference of
ours is found by the provider's id in the table, and was lost to the merge.

- `attribution`: which of a user's subscriptions is which of ours.
- `comparing`: how each of ours, and each of theirs, stands to the other side (`Agreement`).
- `correcting`: what a subscription of ours becomes when what was seen is believed.
- `plans`: the hash over all that was found; what has changed since; the guard.

The differences are the comparison's plan. Applying it is a matter of levels: what we know of the provider (`observed`,
`applied`, the ids) becomes what was seen, and the account is due. `converge` then does what is due, by the same steps
and under the same leases as ever: nobody else calls a provider. What is not judged (a step under way, an outcome that
is not known, a listing that may lag behind a write) is left to converge, which looks for itself.

Whoever is missing is believed to be so by a whole listing alone. Applied, it is as when a call had found nobody:
absent, and a person decides, unless the integration says `recreate`.
"""
