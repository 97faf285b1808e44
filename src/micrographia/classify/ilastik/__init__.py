"""Projects of ilastik: read, predicted with, and written."""
