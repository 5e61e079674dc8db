# A page that cannot be written is an error, after the table.
hornpipe profile "$EXAMPLES/mlp_10_64_64_1.keras" --rows 8 --seconds 0 --html missing/page.html
