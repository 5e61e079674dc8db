# The table, with made-up rows and with a file; the forms for programs and browsers.
hornpipe profile "$EXAMPLES/mlp_10_64_64_1.keras" --rows 500 -j 1 --seconds 0
hornpipe profile "$EXAMPLES/digits_cnn.keras" "$EXAMPLES/data/digits_cnn_inputs.npy" --seconds 0 --json > profile.json
python3 - << 'END'
import json

found = json.load(open("profile.json"))
steps = found["steps"]
print(found["rows"], all(s["rows"] == found["rows"] * found["calls"] for s in steps))
print(abs(sum(s["share"] for s in steps) - 1) < 1e-3, steps[0]["primitive"], steps[0]["layers"][0].split('"')[2])
END
hornpipe profile "$EXAMPLES/mlp_10_64_64_1.keras" --rows 500 --seconds 0 --html page.html --trace trace.json > table
python3 - << 'END'
import html.parser
import json
import re

events = json.load(open("trace.json"))["traceEvents"]
calls = [e for e in events if e["ph"] == "X"]
print(len(calls) > 0, all(e["dur"] >= 0 and e["args"]["rows"] > 0 for e in calls))
page = open("page.html").read()
counts = {}


class Counter(html.parser.HTMLParser):
    def handle_starttag(self, tag, attributes):
        counts[tag] = counts.get(tag, 0) + 1


Counter().feed(page)
print(counts["table"], counts["rect"] == len(calls), "script" in counts, re.search("https?:|src=|@import", page))
END
