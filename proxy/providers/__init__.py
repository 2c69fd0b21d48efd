"""Wire formats: what a call asks, and what its answer cost. One file per format; bytes in, facts
out (pure).

`recognise` says which format a request speaks, `format_named` gives its reader. Nothing here does
I/O.
"""
