# The command on this case: not a model.
echo "hello" > text.keras
hornpipe predict text.keras rows.npy
