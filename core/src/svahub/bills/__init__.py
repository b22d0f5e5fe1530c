"""A provider's bill against what was there in its month: pure, but for reading the file.

- `layout`: which column of the file means what; told once, kept with the integration.
- `reading`: the lines of the file as they stand, and those that cannot be read.
- `truth`: what a provider had of a subscription, and when, from the history that the store keeps: attempts that
  succeeded, plans of reconcile that were applied, and how it is now. What was ACTIVE at some moment of the month has to
  be billed; what was only BLOCKED in it may be or not, as no two providers agree on that; what ended before it, or came
  after it, must not be.
- `checking`: each line given to what it is for, and the verdict about it; what no line is for.
- `page`: the verdicts as a page for the provider, which tells of persons what the file told, and nothing more.

What is dear is right by the catalogue of plans as it is now, or by the prices that were agreed and are kept beside the
columns. A month that was not whole may cost less.
"""
