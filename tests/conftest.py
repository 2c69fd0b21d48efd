"""For every test: what must be imported before warnings are errors."""

import warnings

with warnings.catch_warnings():
    # mitmproxy's filter language uses names that pyparsing has renamed.
    warnings.simplefilter("ignore", DeprecationWarning)
    import mitmproxy.addons  # noqa: F401
