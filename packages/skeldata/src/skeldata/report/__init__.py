"""One page about a store, for people: `skeldata.report.store_page.write_report`."""
