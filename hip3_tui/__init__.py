"""The console: shows one immutable snapshot of the engine and sends it small commands. Knows core.messages and core.model, nothing else.

__main__.py  cli.py    which commands there are
commands/            one file a command: arguments, config, assembly; they alone import core.runtime
app.py                 the program on screen: takes the newest snapshot, hands it down, turns keys into commands
operator_actions.py    one table of what the operator may do (operator_action.py: what a row is); bindings, footer, help and palette are made from it
keymap.py              which key does what, the operator's own in place of ours
chosen_row.py  previews.py  what can be done with the row under the cursor; what a dangerous key would send
deeds.py  keeping.py   theme, clipboard, CSV, screenshot
notices.py  attention.py    what is worth a word, and how it reaches who does not look: toast, bell, title, desktop
themes.py  glyphs.py   colours; plain characters for poor terminals
report_text.py report_html.py report_svg.py report_csv.py   the report as text, page with plots, table
bare.py  crash.py      what the operator has when all of that has crashed
browser.py web_driver.py  the console in a browser, as a window beside the running one
driver.py terminal.py  output that cannot block, a terminal that is put back
screens/  panes/       one pane = one part of the snapshot = one file
"""
