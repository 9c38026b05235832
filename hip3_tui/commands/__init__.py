"""What `hip3-tui` can be asked for, one file a command; `hip3_tui.cli` names them and loads the one that is called.

With cli.py the only part of the console that knows core.runtime. Each command imports what it needs inside its function.
"""
