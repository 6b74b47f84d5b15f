"""The asset graph: one file an asset, in the order of the data flow."""
