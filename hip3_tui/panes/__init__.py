"""One pane shows one part of the snapshot. A pane gets a `Picture`, turns it into lines, and draws the lines that changed."""
