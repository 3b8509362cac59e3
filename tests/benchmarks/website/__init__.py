"""The page that every website has; its templates differ only in what their solution adds."""
