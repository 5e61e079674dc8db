# The command on this case: no model.
hornpipe inspect no_such_file.keras
