# Usage errors are 2, help and version are on standard output.
hornpipe --version | grep -c '^hornpipe [0-9]'
for command in predict inspect check diff bench profile; do hornpipe $command --help | grep -c "^Usage: hornpipe $command"; done
hornpipe > /dev/null 2>&1 || echo "none $?"
hornpipe nonsense || echo "unknown $?"
hornpipe predict only_one || echo "few $?"
hornpipe predict a b --colour red || echo "option $?"
hornpipe predict a b --ouput=c || echo "meant $?"
hornpipe predict a b --jobs many || echo "number $?"
hornpipe predict a b --threshold high || echo "real number $?"
hornpipe predict a b --checkpoint -1 || echo "seconds $?"
hornpipe bench a --seconds 0 || echo "no seconds $?"
hornpipe profile a --seconds nan || echo "seconds $?"
hornpipe diff a b c --rtol -1 || echo "tolerance $?"
hornpipe diff a b c --jobs 5000000000 || echo "many $?"
hornpipe diff a b c --atol 1x || echo "real number $?"
hornpipe predict a b --progress loud || echo "choice $?"
hornpipe predict a b --jobs || echo "value $?"
# No line of a help is longer than 110 columns.
for command in predict inspect check diff bench profile; do hornpipe $command --help; done | awk 'length > 110'
