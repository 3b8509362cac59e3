"""Everything that the app writes into a page."""
