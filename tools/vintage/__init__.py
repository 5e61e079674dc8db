"""Models of every version of Keras, for make_vintage_files.py."""
