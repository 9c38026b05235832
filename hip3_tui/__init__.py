"""The console: shows one immutable snapshot of the engine and sends it small commands. Knows core.messages and core.model, nothing else.

__main__.py  cli.py    which commands there are
commands/            one file a command: arguments, config, assembly; they alone import core.runtime
app.py                 the program on screen: takes the newest snapshot, hands it down, turns keys into commands
operator_actions.py    one table of what the operator may do; footer, help and palette are made from it
bare.py  crash.py      what the operator has when all of that has crashed
browser.py web_driver.py  the console in a browser, as a window beside the running one
driver.py terminal.py  output that cannot block, a terminal that is put back
screens/  panes/       one pane = one part of the snapshot = one file
"""
