"""The Model Context Protocol over HTTP, read and screened as it passes (pure, sans-io).

What a client asks (`calls`), whether its headers say the same (`headers`), what a server's answer may
show (`answers`, `tools`), and how a no is said (`errors`). Revisions 2024-11-05 to 2026-07-28.
"""
