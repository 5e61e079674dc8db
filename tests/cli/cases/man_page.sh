# Every option of every command is in the manual page.
for command in predict inspect check diff bench profile; do
    for option in $(hornpipe $command --help | sed -n 's/^  [^ ]* *--\([a-z-]*\).*/\1/p'); do
        written=$(echo "$option" | sed 's/-/\\\\-/g')
        grep -qe "\\\\-\\\\-$written\\b" "$EXAMPLES/../docs/man/hornpipe.1" || echo "$command --$option"
    done
done
hornpipe predict --help | sed -n 's/^  [^ ]* *--\([a-z-]*\).*/\1/p' | grep -c resume
