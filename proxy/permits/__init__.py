"""Permits: what people allow for a time, in every process, and on file."""
