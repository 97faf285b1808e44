"""Rows of tables, one an object: classified, checked by wells that were not seen, scored."""
