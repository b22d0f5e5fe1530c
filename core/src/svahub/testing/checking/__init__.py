"""What `svahub plugins check` does: find a package's providers, run the conformance kit on each, and assess the report.

`subject` finds them, `running` has pytest run in a process of its own (`child` is what runs there, `contracts` the
classes that it tests), `assessment` says what was reached, and `page` writes that for a browser.
"""

ORDER, REPORT = "order.json", "report.json"
"""The files by which `running` tells `child` what to test, and reads what came of it."""
