"""Reports on charges: rows and totals (pure), and how they are written: as a table, CSV, JSON or a page."""
