"""The console's pages: one file each turns what the ports answer into a view; templates only lay it out."""
