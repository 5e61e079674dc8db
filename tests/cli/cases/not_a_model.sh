echo "hello" > text.keras
hornpipe predict text.keras rows.npy
