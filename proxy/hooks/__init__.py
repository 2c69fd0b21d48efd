"""Tools that an agent runs on its own machine, decided before and reported after (pure).

`contract` is what a hook says to `exeat.internal`; `claude_code` is what Claude Code says to a hook, and
`settings` where it is told to. The hook itself, which reads and dials, is `proxy/hook.py`.
"""
