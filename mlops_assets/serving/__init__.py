"""The production version of one model over HTTP."""
