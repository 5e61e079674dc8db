hornpipe inspect no_such_file.keras
